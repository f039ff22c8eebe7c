# cython: language_level=3
"""The alignment kernel: records in, SAM text out to a digest, with checks, counts and the index made in one pass.

Whatever a record holds is checked here before htslib makes its SAM text and puts it into the index, because htslib
trusts it. The first fault stops everything; the sentences that people read are made in `alignments.py`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, strdup

from strandkeep.formats._htslib cimport (
    BAM_FMUNMAP,
    BAM_FPAIRED,
    BAM_FQCFAIL,
    BAM_FREVERSE,
    BAM_FSECONDARY,
    BAM_FSUPPLEMENTARY,
    BAM_FUNMAP,
    HTS_FMT_BAI,
    HTS_FMT_CSI,
    bam1_t,
    bam_endpos,
    hts_idx_destroy,
    hts_idx_finish,
    hts_idx_init,
    hts_idx_push,
    hts_idx_save_as,
    sam_format1,
    sam_hdr_destroy,
    sam_hdr_init,
)
from strandkeep.formats._qc cimport Counters, qc_alignment, qc_record
from strandkeep.formats._record_bytes cimport tag_length, tag_text, uchar, visible

cdef enum:
    TEXT = 256 * 1024  # bytes of SAM text that are digested at once
    FLAGS = 65536
    NAME_KEPT = 256
    HIGHEST_QUALITY = 93
    NO_QUALITY = 0xFF
    OPERATIONS = 9  # MIDNSHP=X
    CONSUMES_QUERY = 0b110010011  # M, I, S, = and X, by the number of the operation
    MIN_SHIFT = 14
    BAI_LEVELS = 5
    HIGH_MAPQ = 5
    FIELDS = 1024  # characters of a line of SAM text but for CIGAR, read and tags, at most
    OPERATION = 10  # characters of an operation of a CIGAR, at most

#: The longest contig that a BAI can index, in bases.
BAI_LONGEST = 1 << (MIN_SHIFT + 3 * BAI_LEVELS)

# Faults, as `alignments.py` knows them.
(
    NO_FAULT, BAD_LENGTHS, BAD_NAME, BAD_CONTIG, BAD_POSITION, BAD_MATE, BAD_CIGAR, CIGAR_LENGTH, BAD_TAG, BAD_QUALITY,
    TOO_LONG, FOREIGN_CONTIG, CONCATENATED, TRUNCATED,
) = range(14)  # fmt: skip


cdef bint _sound_qualities(const uchar* at, Py_ssize_t length) noexcept nogil:
    cdef uchar wrong = 0
    cdef Py_ssize_t i
    for i in range(length):
        wrong |= 0 if at[i] <= HIGHEST_QUALITY else 0xFF
    return wrong == 0 or at[0] == NO_QUALITY


cdef void _keep(uchar* kept, const uchar* name, Py_ssize_t length) noexcept nogil:
    length = min(max(length, 0), NAME_KEPT - 1)
    memcpy(kept, name, length)
    kept[length] = 0


cdef class Records:
    """What is known of the records so far. They are numbered from 1, in the order of the file.

    Attributes: `total` records; `reads` and `bases` of primary ones; `text_length` of the SAM text in bytes;
    `unsorted_at`, the first record that breaks the order by coordinate, 0 when none does; `unindexable_at`, the first
    that the index cannot hold; at a fault `fault`, and `contig` where one is meant.
    """

    def __cinit__(
        self,
        list names not None,
        list lengths not None,
        bytes fits,
        digest not None,
        int64_t longest_line,
        Counters qc=None,
    ):
        """The dictionary: `names` as bytes, `lengths` in bases; `fits` has a byte for each contig, 0 for one that no
        record may be mapped to, or is None. `digest` is given the SAM text, a piece at a time, of which no line may be
        longer than `longest_line` bytes; `qc` counts reads.
        """
        cdef int32_t i
        self._digest = digest
        self._longest_line = longest_line
        self._counters = qc
        self._qc = NULL if qc is None else qc.at
        self._fits_kept = fits
        self._fits = NULL if fits is None else <const uchar*>PyBytes_AS_STRING(fits)
        self._text = PyBytes_FromStringAndSize(NULL, TEXT)
        self._text_at = PyBytes_AS_STRING(self._text)
        self._flags = <uint64_t*>calloc(FLAGS, sizeof(uint64_t))
        self._header = sam_hdr_init()
        if self._flags == NULL or self._header == NULL:
            raise MemoryError
        self._header.target_name = <char**>calloc(len(names) + 1, sizeof(char*))
        self._header.target_len = <uint32_t*>calloc(len(names) + 1, sizeof(uint32_t))
        if self._header.target_name == NULL or self._header.target_len == NULL:
            raise MemoryError
        for i in range(len(names)):
            self._header.target_name[i] = strdup(names[i])
            self._header.target_len[i] = lengths[i]
            self._header.n_targets = i + 1
            if self._header.target_name[i] == NULL:
                raise MemoryError
        # Before any place that a record can have.
        self._last_contig, self._last_position = 0, -1

    def __dealloc__(self):
        hts_idx_destroy(self._index)
        sam_hdr_destroy(self._header)
        free(self._flags)
        free(self._line.s)

    def begin_index(self, uint64_t offset, int64_t longest):
        """Make an index, from the virtual `offset` of the first record on; BAI, or CSI where a contig is `longest`
        than a BAI can hold.
        """
        cdef int levels = BAI_LEVELS
        self._index_format = HTS_FMT_BAI
        if longest > BAI_LONGEST:
            self._index_format = HTS_FMT_CSI
            # As samtools chooses them.
            levels = 0
            while longest + 256 > <int64_t>1 << (MIN_SHIFT + 3 * levels):
                levels += 1
        self._index = hts_idx_init(self._header.n_targets, self._index_format, offset, MIN_SHIFT, levels)
        if self._index == NULL:
            raise MemoryError

    @property
    def index_kind(self):
        """`bai` or `csi`; None when there is no index, or none any more."""
        if self._index == NULL:
            return None
        return "bai" if self._index_format == HTS_FMT_BAI else "csi"

    def save_index(self, bytes path not None, uint64_t end):
        """Write the index to `path`; `end` is the virtual offset behind the last record. OSError when it fails."""
        cdef const char* name = path
        cdef int finished, written = -1
        # Without the GIL: what is written to a pipe waits for whoever reads it.
        with nogil:
            finished = hts_idx_finish(self._index, end)
            if finished == 0:
                written = hts_idx_save_as(self._index, NULL, name, self._index_format)
        if finished < 0:
            raise MemoryError
        if written < 0:
            raise OSError("the index could not be written")

    @property
    def name(self):
        """The name of the record in hand, at most 255 bytes."""
        return <bytes>self._name

    @property
    def first_name(self):
        """The name of the first record, at most 255 bytes."""
        return <bytes>self._first_name

    def flags(self):
        """How many records have each value of FLAG."""
        return {flag: self._flags[flag] for flag in range(FLAGS) if self._flags[flag]}

    def elsewhere(self):
        """Primary reads whose mate is mapped to another contig, and those of them with a MAPQ of 5 or more:
        ((passed, failed), (passed, failed)) quality control.
        """
        return (self._elsewhere[0], self._elsewhere[1]), (self._elsewhere_sure[0], self._elsewhere_sure[1])

    def finish(self):
        """All records were taken: the rest of the text goes to the digest."""
        self._flush()

    cdef int take(self, const bam1_t* record, uint64_t end) except -1 nogil:
        """Check a record and count it; `end` is the virtual offset behind it."""
        self._check(record)
        if self.fault:
            return 0
        if self.total == 0:
            _keep(self._first_name, record.data, record.core.l_qname - record.core.l_extranul - 1)
        self._count(record)
        self._push(record, end)
        if sam_format1(self._header, record, &self._line) < 0:
            with gil:
                raise MemoryError
        self.total += 1
        return self._put_text()

    cdef void remember_name(self, const uchar* name, Py_ssize_t length) noexcept nogil:
        _keep(self._name, name, length)

    cdef void _check(self, const bam1_t* record) noexcept nogil:
        cdef const uchar* data = record.data
        cdef Py_ssize_t name = record.core.l_qname - record.core.l_extranul - 1
        cdef const uint32_t* cigar = <const uint32_t*>(data + record.core.l_qname)
        cdef Py_ssize_t after_cigar = record.core.l_qname + 4 * <Py_ssize_t>record.core.n_cigar
        cdef Py_ssize_t bases = record.core.l_qseq
        cdef const uchar* qualities = data + after_cigar + (bases + 1) // 2
        cdef const uchar* tags = qualities + bases
        cdef int64_t text
        if name < 1 or not visible(data, name):
            self.fault = _NAME
        self._check_place(record)
        self._check_cigar(record, cigar)
        if bases and not _sound_qualities(qualities, bases):
            self.fault = _QUALITY
        if not self.fault:
            text = FIELDS + OPERATION * <int64_t>record.core.n_cigar + 2 * bases
            text += self._check_tags(tags, data + record.l_data - tags)
            # Known before it is made: of an array of small numbers it takes five times what the array does.
            if text > self._longest_line and not self.fault:
                self.fault = _TOO_LONG
        if self.fault:
            self.remember_name(data, name)

    cdef void _check_place(self, const bam1_t* record) noexcept nogil:
        cdef int32_t contigs = self._header.n_targets
        cdef int32_t contig = record.core.tid
        self.contig, self.position = contig, record.core.pos + 1
        if contig < -1 or contig >= contigs:
            self.fault = _CONTIG
        elif record.core.pos < -1 or (contig >= 0 and record.core.pos >= <int64_t>self._header.target_len[contig]):
            self.fault = _POSITION
        elif record.core.mtid < -1 or record.core.mtid >= contigs or record.core.mpos < -1:
            self.fault = _MATE
        elif contig >= 0 and self._fits != NULL and not self._fits[contig] and not record.core.flag & BAM_FUNMAP:
            self.fault = _FOREIGN

    cdef void _check_cigar(self, const bam1_t* record, const uint32_t* cigar) noexcept nogil:
        cdef uint64_t query = 0
        cdef uint32_t i, operation
        for i in range(record.core.n_cigar):
            operation = cigar[i] & 0xF
            if operation >= OPERATIONS:
                self.fault = _CIGAR
                return
            query += (cigar[i] >> 4) * (CONSUMES_QUERY >> operation & 1)
        if record.core.n_cigar and record.core.l_qseq and query != <uint64_t>record.core.l_qseq:
            if not record.core.flag & BAM_FUNMAP:
                self.fault = _CIGAR_LENGTH

    cdef int64_t _check_tags(self, const uchar* at, Py_ssize_t left) noexcept nogil:
        """Most characters of their SAM text."""
        cdef Py_ssize_t length
        cdef int64_t text = 0
        while left > 0:
            length = tag_length(at, left)
            if length == 0:
                self.fault = _TAG
                return 0
            text += tag_text(at, length)
            at += length
            left -= length
        return text

    cdef void _count(self, const bam1_t* record) noexcept nogil:
        cdef uint16_t flag = record.core.flag
        cdef bint failed = (flag & BAM_FQCFAIL) != 0
        self._flags[flag] += 1
        if flag & (BAM_FSECONDARY | BAM_FSUPPLEMENTARY):
            return
        self.reads += 1
        self.bases += record.core.l_qseq
        if flag & BAM_FPAIRED and not flag & (BAM_FUNMAP | BAM_FMUNMAP) and record.core.mtid != record.core.tid:
            self._elsewhere[failed] += 1
            self._elsewhere_sure[failed] += record.core.qual >= HIGH_MAPQ
        if self._qc != NULL:
            self._count_read(record)

    cdef void _count_read(self, const bam1_t* record) noexcept nogil:
        cdef const uchar* packed = record.data + record.core.l_qname + 4 * <Py_ssize_t>record.core.n_cigar
        cdef Py_ssize_t bases = record.core.l_qseq
        qc_record(self._qc, packed, packed + (bases + 1) // 2, bases, record.core.flag & BAM_FREVERSE)
        qc_alignment(self._qc, record.core.flag, record.core.qual, record.core.isize)

    cdef void _push(self, const bam1_t* record, uint64_t end) noexcept nogil:
        """Note whether the order holds, and add the record to the index while there is one."""
        cdef int32_t contig = record.core.tid
        # Records without a contig come last: as an unsigned number -1 is the largest.
        if not self.unsorted_at:
            if <uint32_t>contig < <uint32_t>self._last_contig or (
                contig == self._last_contig and contig >= 0 and record.core.pos < self._last_position
            ):
                self.unsorted_at = self.total + 1
                self._drop_index()
        self._last_contig, self._last_position = contig, record.core.pos
        if self._index != NULL and hts_idx_push(
            self._index, contig, record.core.pos, bam_endpos(record), end, not record.core.flag & BAM_FUNMAP
        ) < 0:
            self.unindexable_at = self.total + 1
            self._drop_index()

    cdef void _drop_index(self) noexcept nogil:
        hts_idx_destroy(self._index)
        self._index = NULL

    cdef int _put_text(self) except -1 nogil:
        cdef Py_ssize_t length = self._line.l + 1
        self._line.s[self._line.l] = c"\n"
        if self._text_used + length > TEXT:
            with gil:
                self._flush()
        if length > TEXT:
            with gil:
                self._digest.update(PyBytes_FromStringAndSize(self._line.s, length))
        else:
            memcpy(self._text_at + self._text_used, self._line.s, length)
            self._text_used += length
        self.text_length += length
        return 0

    cdef int _flush(self) except -1:
        # The slice of the whole is the whole itself, and no copy.
        self._digest.update(self._text if self._text_used == TEXT else self._text[: self._text_used])
        self._text_used = 0
        return 0
