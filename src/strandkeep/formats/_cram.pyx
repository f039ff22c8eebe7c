# cython: language_level=3
"""The CRAM kernel: htslib decodes a stream slice by slice, and `Records` takes each record."""

from libc.errno cimport ENOMEM, errno
from libc.stdint cimport INT64_MAX, int32_t, int64_t

from strandkeep.formats._alignments cimport Records
from strandkeep.formats._htslib cimport (
    BAM_FUNMAP,
    BGZF,
    CRAM_OPT_DECODE_MD,
    HTS_LOG_WARNING,
    bam1_t,
    bam_destroy1,
    bam_endpos,
    bam_init1,
    bgzf_close,
    bgzf_dopen,
    bgzf_write,
    hFILE,
    hclose_abruptly,
    hdopen,
    htsFile,
    hts_close,
    hts_hopen,
    hts_set_fai_filename,
    hts_set_log_level,
    hts_set_opt,
    sam_hdr_destroy,
    sam_hdr_read,
    sam_hdr_t,
    sam_read1,
)

cdef enum:
    END = -1  # of a stream, as sam_read1 tells it


cdef class CramDecoder:
    """Decodes the stream of a CRAM file that a descriptor gives, which is closed with it."""

    cdef Records _records
    cdef int _descriptor
    cdef htsFile* _file
    cdef sam_hdr_t* _header
    cdef bam1_t* _record

    def __cinit__(self, Records records not None, int descriptor):
        self._records = records
        self._descriptor = descriptor
        self._record = bam_init1()
        if self._record == NULL:
            raise MemoryError

    def __dealloc__(self):
        self.close()
        bam_destroy1(self._record)

    def open(self, bytes fasta):
        """Read the header, and the index of the FASTA at that path; its bases are the only ones that there are. False
        when the header is not as it must be; OSError when the FASTA cannot be read.
        """
        cdef const char* path = NULL if fasta is None else <const char*>fasta
        cdef hFILE* stream
        cdef bint readable = True
        hts_set_log_level(HTS_LOG_WARNING)
        errno = 0
        with nogil:
            stream = hdopen(self._descriptor, "r")
            if stream != NULL:
                # Reads without names are named after the file, and samtools calls what it is piped so.
                self._file = hts_hopen(stream, "-", "r")
                if self._file == NULL:
                    hclose_abruptly(stream)
            if self._file != NULL and hts_set_opt(self._file, CRAM_OPT_DECODE_MD, 0) == 0:
                readable = path == NULL or hts_set_fai_filename(self._file, path) == 0
                if readable:
                    self._header = sam_hdr_read(self._file)
        if self._header == NULL and errno == ENOMEM:
            raise MemoryError
        if not readable:
            raise OSError("the reference cannot be read")
        return self._header != NULL

    def contigs(self):
        """Their names, as htslib knows them."""
        return [self._header.target_name[i] for i in range(self._header.n_targets)]

    def begin_slice(self):
        """Decode the next slice that has records, and hold its first one: 1; 0 at the end; -1 when it cannot be."""
        cdef int result
        errno = 0
        with nogil:
            result = sam_read1(self._file, self._header, self._record)
        if result < END and errno == ENOMEM:
            raise MemoryError
        return 1 if result >= 0 else 0 if result == END else -1

    def take_slice(self, int64_t records, last_place, list runs):
        """Take as many records as the slice has. The extents of each run of records on one contig, (contig, first,
        last) counted from 1, are added to `runs`, when there is such a list. False when a record cannot be read, or
        reaches behind the `last_place`, when there is one: htslib reads on behind a slice's own reference.
        """
        cdef int32_t contig = 0
        cdef int64_t first = 0, last = 0, end
        cdef int64_t left = records
        cdef bint wanted = runs is not None
        cdef int64_t limit = INT64_MAX if last_place is None else last_place
        cdef int result = 0
        with nogil:
            while left > 0 and result >= 0 and not self._records.fault:
                end = self._end() if wanted or limit != INT64_MAX else 0
                if end > limit:
                    result = END
                    break
                if wanted:
                    if left == records or self._record.core.tid != contig:
                        if left != records:
                            with gil:
                                runs.append((contig, first, last))
                        contig, first, last = self._record.core.tid, self._record.core.pos + 1, end
                    last = max(last, end)
                self._records.take(self._record, 0)
                left -= 1
                if left > 0:
                    result = sam_read1(self._file, self._header, self._record)
        if wanted:
            runs.append((contig, first, last))
        return result >= 0

    cdef int64_t _end(self) noexcept nogil:
        """The last place of the record in hand, as CRAM has it: its first one when it is not mapped."""
        if self._record.core.flag & BAM_FUNMAP:
            return self._record.core.pos + 1
        return bam_endpos(self._record)

    def close(self):
        """Read no more."""
        sam_hdr_destroy(self._header)
        self._header = NULL
        if self._file != NULL:
            hts_close(self._file)
        self._file = NULL


def gzipped(bytes text not None, int descriptor):
    """Write text to a descriptor, and close it, as htslib writes what it compresses by gzip."""
    cdef const char* at = text
    cdef size_t length = len(text)
    cdef BGZF* stream
    cdef bint written = False
    with nogil:
        stream = bgzf_dopen(descriptor, "wg")
        if stream != NULL:
            written = bgzf_write(stream, at, length) >= 0
            written = bgzf_close(stream) == 0 and written
    if not written:
        raise OSError("the index could not be written")
