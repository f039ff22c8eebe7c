# cython: language_level=3
"""The BAM kernel: cuts a BAM file's text into records, block by block, and holds what a block cuts in two."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from strandkeep.formats._alignments cimport (
    Records,
    _CONCATENATED,
    _LENGTHS,
    _NAME,
    _TOO_LONG,
    _TRUNCATED,
)
from strandkeep.formats._htslib cimport bam1_t, bam_destroy1, bam_init1
from strandkeep.formats._record_bytes cimport tag_length, u16, u32, uchar

cdef extern from "vectors.h" nogil:
    void forget_upper_halves()

cdef enum:
    CORE = 32  # bytes of a record before its name
    SIZE = 4  # bytes that tell the length of a record
    SOFT_CLIP = 4


cdef class BamScanner:
    """Cuts the text of a BAM file, from behind its header on, into records."""

    cdef Records _records
    cdef bam1_t* _record
    cdef int64_t _longest
    cdef uchar* _held
    cdef Py_ssize_t _held_length
    cdef Py_ssize_t _held_room
    cdef bint _after_end_marker
    cdef readonly uint64_t end

    def __cinit__(self, Records records not None, int64_t longest, uint64_t offset):
        """`longest` record in bytes; `offset`, the virtual offset of the first one. `end` is the virtual offset behind
        the newest record.
        """
        self._records = records
        self._longest = longest
        self.end = offset
        self._record = bam_init1()
        if self._record == NULL:
            raise MemoryError

    def __dealloc__(self):
        bam_destroy1(self._record)
        free(self._held)

    def feed(self, bytes text not None, Py_ssize_t begin, uint64_t start, uint64_t next_start):
        """Take a block's text from `begin` on; the block lies in the file from `start` to `next_start`."""
        cdef const uchar* at = <const uchar*>PyBytes_AS_STRING(text)
        cdef Py_ssize_t length = PyBytes_GET_SIZE(text)
        if self._after_end_marker and self._held_length == 0 and text[:SIZE] == b"BAM\1":
            self._records.fault = _CONCATENATED
        self._after_end_marker = length == 0
        with nogil:
            forget_upper_halves()
            self._scan(at, begin, length, start, next_start)

    def finish(self):
        """The file is at its end."""
        if not self._records.fault and self._held_length:
            self._records.fault = _TRUNCATED
        self._records.finish()

    cdef int _scan(
        self, const uchar* text, Py_ssize_t at, Py_ssize_t length, uint64_t start, uint64_t next_start
    ) except -1 nogil:
        cdef Py_ssize_t size, piece
        while at < length and not self._records.fault:
            if self._held_length == 0 and length - at >= SIZE:
                size = SIZE + <Py_ssize_t>u32(text + at)
                if length - at >= size:
                    self.end = start << 16 | <uint64_t>(at + size) if at + size < length else next_start << 16
                    self._take(text + at)
                    at += size
                    continue
            piece = min(self._wanted(), length - at)
            self._hold(text + at, piece)
            at += piece
            if self._held_length > SIZE and self._wanted() == 0 and not self._records.fault:
                self.end = start << 16 | <uint64_t>at if at < length else next_start << 16
                self._take(self._held)
                self._held_length = 0
        return 0

    cdef inline Py_ssize_t _wanted(self) noexcept nogil:
        """Bytes that the held record still lacks: of its length at first, then of the rest."""
        cdef Py_ssize_t size
        if self._held_length < SIZE:
            return SIZE - self._held_length
        size = u32(self._held)
        if size < CORE:
            self._records.fault = _LENGTHS
        elif size > self._longest:
            self._records.fault = _TOO_LONG
        return 0 if self._records.fault else SIZE + size - self._held_length

    cdef int _hold(self, const uchar* piece, Py_ssize_t length) except -1 nogil:
        cdef void* larger
        if self._held_length + length > self._held_room:
            larger = realloc(self._held, 2 * (self._held_length + length))
            if larger == NULL:
                with gil:
                    raise MemoryError
            self._held = <uchar*>larger
            self._held_room = 2 * (self._held_length + length)
        memcpy(self._held + self._held_length, piece, length)
        self._held_length += length
        return 0

    cdef int _take(self, const uchar* at) except -1 nogil:
        """A whole record, its length included: its inner lengths are checked, then it is laid out for htslib."""
        cdef Py_ssize_t size = u32(at)
        cdef const uchar* core = at + SIZE
        cdef Py_ssize_t name, cigar, bases
        if size < CORE:
            self._records.fault = _LENGTHS
            return 0
        name, cigar, bases = core[8], 4 * <Py_ssize_t>u16(core + 12), <int32_t>u32(core + 16)
        if name < 1 or bases < 0 or CORE + name + cigar + (bases + 1) // 2 + bases > size:
            self._records.fault = _LENGTHS
        elif core[CORE + name - 1]:
            self._records.fault = _NAME
            self._records.remember_name(core + CORE, name)
        else:
            self._lay_out(core, size, name, cigar, (bases + 1) // 2 + bases)
            self._records.take(self._record, self.end)
        return 0

    cdef int _lay_out(
        self, const uchar* core, Py_ssize_t size, Py_ssize_t name, Py_ssize_t cigar, Py_ssize_t read
    ) except -1 nogil:
        """Fill `_record`: name, CIGAR, read and tags, of so many bytes each, the name padded, as htslib wants it."""
        cdef bam1_t* record = self._record
        cdef const uchar* operations = core + CORE + name
        cdef const uchar* tags = operations + cigar + read
        cdef const uchar* end = core + size
        cdef const uchar* long_cigar = end
        cdef const uchar* after_long_cigar = end
        cdef Py_ssize_t padding = -name & 3
        self._make_room(size + padding)
        self._fill_core(core)
        if _is_placeholder(core, operations, cigar):
            long_cigar = _long_cigar(tags, end, cigar)
        record.l_data = 0
        self._append(core + CORE, name)
        self._append(b"\0\0\0", padding)
        if long_cigar == end:
            self._append(operations, cigar)
        else:
            cigar = 4 * <Py_ssize_t>u32(long_cigar + 4)
            after_long_cigar = long_cigar + 8 + cigar
            self._append(long_cigar + 8, cigar)
        self._append(tags - read, read)
        self._append(tags, long_cigar - tags)
        self._append(after_long_cigar, end - after_long_cigar)
        record.core.l_qname = name + padding
        record.core.l_extranul = padding
        record.core.n_cigar = cigar // 4
        return 0

    cdef inline void _fill_core(self, const uchar* core) noexcept nogil:
        cdef bam1_t* record = self._record
        record.core.tid = <int32_t>u32(core)
        record.core.pos = <int32_t>u32(core + 4)
        record.core.qual = core[9]
        record.core.bin = u16(core + 10)
        record.core.flag = u16(core + 14)
        record.core.l_qseq = <int32_t>u32(core + 16)
        record.core.mtid = <int32_t>u32(core + 20)
        record.core.mpos = <int32_t>u32(core + 24)
        record.core.isize = <int32_t>u32(core + 28)

    cdef inline void _append(self, const uchar* piece, Py_ssize_t length) noexcept nogil:
        memcpy(self._record.data + self._record.l_data, piece, length)
        self._record.l_data += length

    cdef int _make_room(self, Py_ssize_t length) except -1 nogil:
        cdef void* larger
        if length > <Py_ssize_t>self._record.m_data:
            larger = realloc(self._record.data, 2 * length)
            if larger == NULL:
                with gil:
                    raise MemoryError
            self._record.data = <uint8_t*>larger
            self._record.m_data = 2 * length
        return 0


cdef inline bint _is_placeholder(const uchar* core, const uchar* operations, Py_ssize_t cigar) noexcept nogil:
    """Whether a CIGAR clips all of the read, which says that a tag has the true one: it has too many operations."""
    return (
        cigar > 0
        and u32(operations) == (u32(core + 16) << 4 | SOFT_CLIP)
        and <int32_t>u32(core) >= 0
        and <int32_t>u32(core + 4) >= 0
    )


cdef const uchar* _long_cigar(const uchar* tags, const uchar* end, Py_ssize_t cigar) noexcept nogil:
    """Where the tag CG begins that has the true CIGAR; `end` when there is none."""
    cdef const uchar* at = tags
    cdef Py_ssize_t length
    while at < end:
        length = tag_length(at, end - at)
        if length == 0:
            return end
        if at[0] == c"C" and at[1] == c"G":
            if at[2] == c"B" and (at[3] == c"I" or at[3] == c"i") and 4 * <Py_ssize_t>u32(at + 4) >= cigar:
                return at
            return end
        at += length
    return end
