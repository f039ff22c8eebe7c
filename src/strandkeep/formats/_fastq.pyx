# cython: language_level=3
"""The FASTQ kernel: a state machine over the text, chunk by chunk, whatever byte the chunks are cut at.

It keeps nothing of a line but the beginning of the header, and holds no GIL while it scans. It finds the first
fault and names it; the sentences that people read are made in `fastq_refusals.py`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcpy

from strandkeep.formats._qc cimport QC_TEXT, Counters, qc_bases, qc_begin, qc_counters, qc_end, qc_qualities

cdef extern from "vectors.h" nogil:
    void forget_upper_halves()

ctypedef unsigned char uchar

#: Bytes of a header that are kept: what names are hashed over and quoted from.
HEADER_KEPT = 1024

cdef enum:
    KEPT = 1024
    SHORTEST_RECORD = 6  # "@\n\n+\n\n"
    LETTERS = 26
    FIRST_QUALITY = 33
    QUALITIES = 94

cdef enum Line:
    HEADER
    SEQUENCE
    PLUS
    QUALITY

# Faults, as `fastq_refusals.py` knows them.
NO_FAULT, BAD_HEADER, BAD_SEQUENCE, BAD_PLUS, BAD_QUALITY, UNEQUAL, BLANK, TOO_LONG, TRUNCATED, NO_READS = range(10)
NO_NEWLINE, BLANK_END = range(10, 12)

cdef enum Fault:
    _NONE
    _HEADER
    _SEQUENCE
    _PLUS
    _QUALITY
    _UNEQUAL
    _BLANK
    _TOO_LONG
    _TRUNCATED
    _NO_READS
    _NO_NEWLINE
    _BLANK_END


cdef inline bint _is_base(uchar byte) noexcept nogil:
    cdef bint letter = <uchar>((byte | 0x20) - c"a") < LETTERS
    return letter | (byte == c".") | (byte == c"-") | (byte == c"*") | (byte == c"=")


cdef inline bint _is_quality(uchar byte) noexcept nogil:
    return <uchar>(byte - FIRST_QUALITY) < QUALITIES


cdef bint _all_bases(const uchar* at, Py_ssize_t length) noexcept nogil:
    # Letters alone, without a way out of the loop, so that the compiler makes vectors of it.
    cdef uchar wrong = 0
    cdef Py_ssize_t i
    for i in range(length):
        wrong |= 0 if <uchar>((at[i] | 0x20) - c"a") < LETTERS else 0xFF
    if wrong == 0:
        return True
    i = 0
    while i < length and _is_base(at[i]):
        i += 1
    return i == length


cdef bint _all_qualities(const uchar* at, Py_ssize_t length) noexcept nogil:
    cdef uchar wrong = 0
    cdef Py_ssize_t i
    for i in range(length):
        wrong |= 0 if <uchar>(at[i] - FIRST_QUALITY) < QUALITIES else 0xFF
    return wrong == 0


cdef inline Py_ssize_t _up_to(const uchar* at, uchar byte, Py_ssize_t length) noexcept nogil:
    cdef const uchar* found = <const uchar*>memchr(at, byte, length)
    return length if found == NULL else found - at


cdef inline Py_ssize_t _mate_name_length(const uchar* name, Py_ssize_t kept) noexcept nogil:
    """The length of a name without what follows the first blank and without /1 /2 .1 .2 _1 _2."""
    cdef Py_ssize_t n = _up_to(name, c"\t", _up_to(name, c" ", kept))
    if n > 2 and (name[n - 1] == c"1" or name[n - 1] == c"2"):
        if name[n - 2] == c"/" or name[n - 2] == c"." or name[n - 2] == c"_":
            return n - 2
    return n


cdef inline uint64_t _hash(const uchar* name, Py_ssize_t length) noexcept nogil:
    """64 bits of a name, eight bytes a step. Reads up to 8 bytes past the end, so the buffer has a margin."""
    cdef uint64_t h = <uint64_t>length * 0x9E3779B97F4A7C15ULL
    cdef uint64_t word
    while length > 0:
        memcpy(&word, name, 8)
        if length < 8:
            word &= ((<uint64_t>1) << (8 * length)) - 1
        h = (h ^ word) * 0xFF51AFD7ED558CCDULL
        h ^= h >> 32
        name += 8
        length -= 8
    h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53ULL
    return h ^ (h >> 33)


cdef class Scanner:
    """Checks four-line FASTQ and counts it. `feed` the text in order, `end_file` where one of several
    files ends, then `finish`; then, or at a fault, ask.

    Attributes: `reads`, `bases` of whole sound records; `text_length` in bytes; at a fault `fault`, `record`
    (1-based), `record_offset` (bytes of text before the record), `lines` (how many of its lines are there),
    `sequence_length`, `line_length`, and the offending `byte` at `position` (1-based in its line).
    """

    cdef readonly int64_t reads
    cdef readonly int64_t bases
    cdef readonly int64_t text_length
    cdef readonly int fault
    cdef readonly int64_t record_offset
    cdef readonly int64_t sequence_length
    cdef readonly int64_t line_length
    cdef readonly int byte
    cdef readonly int64_t position
    cdef int64_t _longest_line
    cdef int64_t _after_line
    cdef int _line
    cdef bint _blank
    cdef bint _held_cr
    cdef bint _named
    cdef uchar _header[KEPT + 8]
    cdef Py_ssize_t _kept
    cdef uchar _first[KEPT]
    cdef Py_ssize_t _first_kept
    cdef uint64_t* _hashes
    cdef Py_ssize_t _room
    cdef Py_ssize_t _hashed
    cdef Counters _counters
    cdef qc_counters* _qc

    def __cinit__(self, int64_t longest_line, bint names, Counters qc=None):
        """`longest_line` in bytes; `names`: whether `feed` hands out hashes of the names; `qc`: what counts reads."""
        self._longest_line = longest_line
        self._named = names
        self._counters = qc
        self._qc = NULL if qc is None else qc.at
        self.byte = -1

    def __dealloc__(self):
        free(self._hashes)

    @property
    def record(self):
        """The number of the record in hand, 1-based."""
        return self.reads + 1

    @property
    def lines(self):
        """How many lines of the record in hand have begun, 0..4."""
        return self._line + (self.line_length > 0)

    @property
    def header(self):
        """The beginning of the newest header line, without '@'; at most HEADER_KEPT bytes."""
        return PyBytes_FromStringAndSize(<char*>self._header, self._kept)

    @property
    def first_header(self):
        """The same of the first header line."""
        return PyBytes_FromStringAndSize(<char*>self._first, self._first_kept)

    def feed(self, bytes text not None):
        """Scan the next piece of the text; the name hashes, 8 bytes each, of the headers that end in it."""
        cdef const uchar* at = <const uchar*>PyBytes_AS_STRING(text)
        cdef Py_ssize_t length = PyBytes_GET_SIZE(text)
        self._make_room(length)
        self._hashed = 0
        with nogil:
            forget_upper_halves()
            self._scan(at, length)
        return PyBytes_FromStringAndSize(<char*>self._hashes, self._hashed * sizeof(uint64_t))

    def end_file(self, bint followed):
        """A file is at its end, and so is a record, of which nothing may lack but the last newline.

        Where the text of another file is `followed` by, it would run on: then the newline may not lack either, and
        no blank line may end the file.
        """
        if self.fault:
            return
        if self._line == QUALITY and self.line_length >= self.sequence_length:
            self._end_line()
            if followed and not self.fault:
                self.fault = _NO_NEWLINE
        elif self._line != HEADER or self.line_length > 0:
            self.fault = _TRUNCATED
        elif followed and (self._blank or self._held_cr):
            self.fault = _BLANK_END

    def finish(self):
        """The text is at its end: the last record may lack its newline, and nothing else."""
        self.end_file(False)
        if not self.fault and self.reads == 0:
            self.fault = _NO_READS

    cdef int _make_room(self, Py_ssize_t length) except -1:
        cdef Py_ssize_t room = length // SHORTEST_RECORD + 2
        cdef void* larger
        if room > self._room:
            larger = realloc(self._hashes, room * sizeof(uint64_t))
            if larger == NULL:
                raise MemoryError
            self._hashes = <uint64_t*>larger
            self._room = room
        return 0

    cdef void _scan(self, const uchar* text, Py_ssize_t length) noexcept nogil:
        cdef const uchar* at = text
        cdef const uchar* end = text + length
        cdef const uchar* newline
        self._release_cr(text, length)
        while at < end and not self.fault:
            newline = <const uchar*>memchr(at, c"\n", end - at)
            if newline == NULL:
                self._held_cr = end[-1] == c"\r"
                self._piece(at, end - at - self._held_cr)
                break
            self._piece(at, newline - at - (newline > at and newline[-1] == c"\r"))
            at = newline + 1
            if not self.fault:
                self._after_line = self.text_length + (at - text)
                self._end_line()
        self.text_length += length

    cdef inline void _release_cr(self, const uchar* text, Py_ssize_t length) noexcept nogil:
        """A CR that ended the last piece belongs to a line end, or else it is a byte like any other."""
        if self._held_cr and length > 0:
            self._held_cr = False
            if text[0] != c"\n":
                self._piece(<const uchar*>b"\r", 1)

    cdef inline void _piece(self, const uchar* at, Py_ssize_t length) noexcept nogil:
        """Some bytes of the line in hand, its line end excluded."""
        cdef bint too_long = self.line_length + length > self._longest_line
        if too_long:
            length = self._longest_line - self.line_length
        if length > 0:
            if self._line == HEADER:
                self._header_piece(at, length)
            elif self._line == SEQUENCE:
                if not _all_bases(at, length):
                    self._locate(at, length)
                    self.fault = _SEQUENCE
                elif self._qc != NULL:
                    qc_bases(self._qc, at, length, self.line_length, &QC_TEXT)
            elif self._line == QUALITY:
                if self.byte < 0 and not _all_qualities(at, length):
                    self._locate(at, length)
                elif self._qc != NULL and self.byte < 0:
                    qc_qualities(self._qc, at, length, self.line_length)
            elif self.line_length == 0 and at[0] != c"+":
                self.byte = at[0]
                self.fault = _PLUS
            self.line_length += length
        if too_long and not self.fault:
            self.fault = _TOO_LONG

    cdef inline void _header_piece(self, const uchar* at, Py_ssize_t length) noexcept nogil:
        cdef Py_ssize_t wanted
        if self.line_length == 0:
            if self._blank:
                self.fault = _BLANK
                return
            self._kept = 0
            if at[0] != c"@":
                self.byte = at[0]
                self.fault = _HEADER
                return
            at += 1
            length -= 1
        wanted = min(length, KEPT - self._kept)
        memcpy(self._header + self._kept, at, wanted)
        self._kept += wanted

    cdef void _locate(self, const uchar* at, Py_ssize_t length) noexcept nogil:
        """Note the first byte that may not stand in the line in hand."""
        cdef Py_ssize_t i = 0
        while _is_base(at[i]) if self._line == SEQUENCE else _is_quality(at[i]):
            i += 1
        self.byte = at[i]
        self.position = self.line_length + i + 1

    cdef inline void _end_line(self) noexcept nogil:
        if self._line == HEADER:
            if self.line_length == 0:
                self._blank = True
                return
            if self.reads == 0:
                memcpy(self._first, self._header, self._kept)
                self._first_kept = self._kept
            if self._named:
                self._hashes[self._hashed] = _hash(self._header, _mate_name_length(self._header, self._kept))
                self._hashed += 1
            if self._qc != NULL:
                qc_begin(self._qc)
        elif self._line == SEQUENCE:
            self.sequence_length = self.line_length
        elif self._line == PLUS:
            if self.line_length == 0:
                self.fault = _PLUS
                return
        else:
            self._end_record()
            if self.fault:
                return
        self._line = (self._line + 1) & 3
        self.line_length = 0

    cdef inline void _end_record(self) noexcept nogil:
        # A length that does not fit is told before a bad byte: a lost line makes both, and it explains both.
        if self.line_length != self.sequence_length:
            self.fault = _UNEQUAL
        elif self.byte >= 0:
            self.fault = _QUALITY
        else:
            self.reads += 1
            self.bases += self.sequence_length
            self.record_offset = self._after_line
            if self._qc != NULL:
                qc_end(self._qc, self.sequence_length, True)
