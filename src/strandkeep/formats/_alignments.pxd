"""What other kernels see of `Records`."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from strandkeep.formats._htslib cimport bam1_t, hts_idx_t, kstring_t, sam_hdr_t
from strandkeep.formats._qc cimport Counters, qc_counters
from strandkeep.formats._record_bytes cimport uchar

cdef enum Fault:
    _NONE
    _LENGTHS
    _NAME
    _CONTIG
    _POSITION
    _MATE
    _CIGAR
    _CIGAR_LENGTH
    _TAG
    _QUALITY
    _TOO_LONG
    _FOREIGN
    _CONCATENATED
    _TRUNCATED


cdef class Records:
    cdef readonly int64_t total
    cdef readonly int64_t reads
    cdef readonly int64_t bases
    cdef readonly int64_t text_length
    cdef readonly int64_t unsorted_at
    cdef readonly int64_t unindexable_at
    cdef readonly int fault
    cdef readonly int32_t contig
    cdef readonly int64_t position
    cdef object _digest
    cdef int64_t _longest_line
    cdef bytes _text
    cdef char* _text_at
    cdef Py_ssize_t _text_used
    cdef sam_hdr_t* _header
    cdef const uchar* _fits
    cdef bytes _fits_kept
    cdef kstring_t _line
    cdef uint64_t* _flags
    cdef Counters _counters
    cdef qc_counters* _qc
    cdef int64_t _elsewhere[2]
    cdef int64_t _elsewhere_sure[2]
    cdef hts_idx_t* _index
    cdef int _index_format
    cdef int32_t _last_contig
    cdef int64_t _last_position
    cdef uchar _name[256]
    cdef uchar _first_name[256]

    cdef int take(self, const bam1_t* record, uint64_t end) except -1 nogil
    cdef void remember_name(self, const uchar* name, Py_ssize_t length) noexcept nogil
    cdef void _check(self, const bam1_t* record) noexcept nogil
    cdef void _check_place(self, const bam1_t* record) noexcept nogil
    cdef void _check_cigar(self, const bam1_t* record, const uint32_t* cigar) noexcept nogil
    cdef int64_t _check_tags(self, const uchar* at, Py_ssize_t left) noexcept nogil
    cdef void _count(self, const bam1_t* record) noexcept nogil
    cdef void _count_read(self, const bam1_t* record) noexcept nogil
    cdef void _push(self, const bam1_t* record, uint64_t end) noexcept nogil
    cdef void _drop_index(self) noexcept nogil
    cdef int _put_text(self) except -1 nogil
    cdef int _flush(self) except -1
