# cython: language_level=3
"""The FASTA kernel: a state machine over the text, chunk by chunk, whatever byte the chunks are cut at.

It hands out the letters of the sequences, in upper case and without line ends, and says where among them a sequence
ends and how its lines lie in the file. It keeps nothing of a line, so a line may be as long as a chromosome. It finds
the first fault and names it; the sentences that people read are made in `fasta_refusals.py`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcpy

ctypedef unsigned char uchar

#: Bytes of the longest name.
LONGEST_NAME = 1024

#: Bytes of the longest line, its end included: a FASTA index has 32 bits for it.
LONGEST_LINE = 0xFFFFFFFF

cdef enum:
    _LONGEST_NAME = 1024
    _LONGEST_LINE = 0xFFFFFFFF
    UPPER = 0xDF  # of a letter's bits, those that make it upper case
    LETTERS = 26
    NUCLEOTIDES = 0x17E34CF  # of the letters from A on: A B C D G H K M N R S T U V W Y

cdef enum Place:
    LINE  # in a line of bases, or at the start of any line
    NAME
    DESCRIPTION

# Faults, as `fasta_refusals.py` knows them.
(
    NO_FAULT, NO_HEADER, NO_NAME, NAME_TOO_LONG, NO_BASES, BAD_BASE, LONGER, SHORTER, BLANK, LINE_END, TOO_LONG,
    NO_SEQUENCES,
) = range(12)  # fmt: skip

cdef enum Fault:
    _NONE
    _NO_HEADER
    _NO_NAME
    _NAME_TOO_LONG
    _NO_BASES
    _BAD_BASE
    _LONGER
    _SHORTER
    _BLANK
    _LINE_END
    _TOO_LONG
    _NO_SEQUENCES


cdef inline bint _is_space(uchar byte) noexcept nogil:
    return byte == c" " or (c"\t" <= byte <= c"\r")


cdef inline bint _is_base(uchar byte) noexcept nogil:
    cdef uchar letter = (byte & UPPER) - c"A"
    return letter < LETTERS and (<uint32_t>NUCLEOTIDES >> letter) & 1


cdef inline uchar _less(uchar one, uchar other) noexcept nogil:
    return one if one < other else other


cdef Py_ssize_t _sound_bases(const uchar* at, Py_ssize_t length) noexcept nogil:
    """How many bases come before the first byte that is none."""
    # The usual letters alone, by least differences and without a way out of the loop: vectors can be made of that.
    cdef uchar wrong = 0
    cdef uchar letter
    cdef Py_ssize_t i
    for i in range(length):
        letter = at[i] & UPPER
        wrong |= _less(_less(_less(letter ^ c"A", letter ^ c"C"), _less(letter ^ c"G", letter ^ c"T")), letter ^ c"N")
    if wrong == 0:
        return length
    i = 0
    while i < length and _is_base(at[i]):
        i += 1
    return i


cdef void _make_upper(uchar* at, Py_ssize_t length) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(length):
        at[i] = at[i] & UPPER


cdef class Scanner:
    """Checks FASTA and measures its sequences. `feed` the text in order, then `finish`; then, or at a fault, ask.

    Attributes: `sequences`, those that have ended; `text_length` in bytes; and of the sequence in hand
    `record_offset` (bytes of text before its '>'), `length` in bases so far, `line_bases` and `line_width` of its
    first line. At a fault also `fault`, `line` (1-based in the file), `line_length` in bases, and for a byte that may
    not be there `byte` and its `position` (1-based among the bases of the sequence).
    """

    cdef readonly int64_t sequences
    cdef readonly int64_t text_length
    cdef readonly int fault
    cdef readonly int64_t record_offset
    cdef readonly int64_t length
    cdef readonly int64_t line_bases
    cdef readonly int64_t line_width
    cdef readonly int64_t line
    cdef readonly int64_t line_length
    cdef readonly int byte
    cdef readonly int64_t position
    cdef int64_t _offset  # of the first base in hand, in the text
    cdef int _place
    cdef bint _open  # whether a sequence is in hand
    cdef int _closed  # the fault that one more base would be
    cdef bint _held_cr
    cdef uchar _name[_LONGEST_NAME]
    cdef Py_ssize_t _name_length
    cdef Py_ssize_t _at  # in the piece that is scanned
    cdef uchar* _bases
    cdef Py_ssize_t _room
    cdef Py_ssize_t _stripped
    cdef Py_ssize_t _checked

    def __cinit__(self):
        self.byte = -1
        self.line = 1

    def __dealloc__(self):
        free(self._bases)

    @property
    def record(self):
        """The number of the sequence in hand, 1-based."""
        return self.sequences + 1

    @property
    def name(self):
        """The name of the newest sequence."""
        return PyBytes_FromStringAndSize(<char*>self._name, self._name_length)

    def feed(self, bytes text not None):
        """Scan the next piece of the text: its bases, and the sequences that ended in it.

        A sequence is (name, length, offset of its first base in the text, bases of its lines, bytes of its lines,
        how many of the bases handed out now come before its end).
        """
        cdef const uchar* at = <const uchar*>PyBytes_AS_STRING(text)
        cdef Py_ssize_t length = PyBytes_GET_SIZE(text)
        cdef bint ended = True
        sequences = []
        self._begin_piece(length)
        while ended:
            with nogil:
                ended = self._scan(at, length)
            if ended:
                sequences.append(self._ended())
        self.text_length += length
        return PyBytes_FromStringAndSize(<char*>self._bases, self._checked), sequences

    def finish(self):
        """The text is at its end: the sequences that ended now, one or none; the last line may lack its newline."""
        self._begin_piece(0)
        if self._place != LINE:
            self._fail(_NO_NAME if self._name_length == 0 else _NO_BASES)
        elif self.line_length > 0:
            self._end_line(self._held_cr, False)
        elif self._held_cr:
            self._take_bases(<const uchar*>b"\r", 1)
            self._check()
        if self._open:
            self._end_sequence()
        elif self.sequences == 0:
            self._fail(_NO_SEQUENCES)
        return [] if self.fault else [self._ended()]

    cdef int _begin_piece(self, Py_ssize_t length) except -1:
        cdef void* larger
        self._at = self._stripped = self._checked = 0
        if length + 1 > self._room:  # a CR of the piece before may come with it
            larger = realloc(self._bases, length + 1)
            if larger == NULL:
                raise MemoryError
            self._bases = <uchar*>larger
            self._room = length + 1
        return 0

    cdef object _ended(self):
        return self.name, self.length, self._offset, self.line_bases, self.line_width, self._checked

    cdef bint _scan(self, const uchar* text, Py_ssize_t length) noexcept nogil:
        """Go on to the end of the piece, or to that of a sequence: whether one has ended."""
        self._release_cr(text, length)
        while self._at < length and not self.fault:
            if self._place == NAME:
                self._read_name(text, length)
            elif self._place == DESCRIPTION:
                self._pass_description(text, length)
            elif text[self._at] == c">" and self.line_length == 0:
                if self._open:
                    self._end_sequence()
                    return not self.fault
                self._begin_header()
            else:
                self._read_line(text, length)
        self._check()
        return False

    cdef inline void _release_cr(self, const uchar* text, Py_ssize_t length) noexcept nogil:
        """A CR that ended the last piece belongs to a line end, or else it is a byte like any other."""
        if self._held_cr and self._at < length and text[self._at] != c"\n":
            self._held_cr = False
            self._take_bases(<const uchar*>b"\r", 1)

    cdef inline void _begin_header(self) noexcept nogil:
        self.record_offset = self.text_length + self._at
        self._at += 1
        self._name_length = 0
        self._place = NAME

    cdef inline void _read_name(self, const uchar* text, Py_ssize_t length) noexcept nogil:
        """The name is what comes first that is not blank; blanks before it are passed."""
        cdef uchar byte
        while self._at < length:
            byte = text[self._at]
            if byte == c"\n" or (_is_space(byte) and self._name_length > 0):
                self._place = DESCRIPTION
                return
            if not _is_space(byte):
                if self._name_length == _LONGEST_NAME:
                    self._fail(_NAME_TOO_LONG)
                    return
                self._name[self._name_length] = byte
                self._name_length += 1
            self._at += 1

    cdef inline void _pass_description(self, const uchar* text, Py_ssize_t length) noexcept nogil:
        cdef const uchar* newline = <const uchar*>memchr(text + self._at, c"\n", length - self._at)
        if newline == NULL:
            self._at = length
            return
        if self._name_length == 0:
            self._fail(_NO_NAME)
            return
        self._at = newline + 1 - text
        self._offset = self.text_length + self._at
        self.length = self.line_bases = self.line_width = 0
        self._closed = _NONE
        self._open = True
        self._place = LINE
        self.line += 1

    cdef inline void _read_line(self, const uchar* text, Py_ssize_t length) noexcept nogil:
        cdef const uchar* at = text + self._at
        cdef const uchar* end = text + length
        cdef const uchar* newline = <const uchar*>memchr(at, c"\n", end - at)
        cdef bint cr
        if newline == NULL:
            self._held_cr = end[-1] == c"\r"
            self._take_bases(at, end - at - self._held_cr)
            self._at = length
            return
        cr = self._held_cr or (newline > at and newline[-1] == c"\r")
        self._take_bases(at, newline - at - (cr and not self._held_cr))
        self._held_cr = False
        self._at = newline + 1 - text
        if not self.fault:
            self._end_line(cr, True)

    cdef inline void _take_bases(self, const uchar* at, Py_ssize_t length) noexcept nogil:
        """Some bytes of the line in hand, its line end excluded."""
        if length == 0:
            return
        if not self._open:
            self.byte = at[0]
            self._fail(_NO_HEADER)
        elif self._closed:
            self._fail(self._closed)
        else:
            memcpy(self._bases + self._stripped, at, length)
            self._stripped += length
            self.line_length += length

    cdef inline void _end_line(self, bint cr, bint newline) noexcept nogil:
        cdef int64_t width = self.line_length + cr + 1
        if self.line_length == 0:
            self._closed = _BLANK
        elif width > _LONGEST_LINE:
            self._fail(_TOO_LONG)
        elif self.line_bases == 0:
            self.line_bases, self.line_width = self.line_length, width
        elif self.line_length > self.line_bases:
            self._fail(_LONGER)
        elif (newline or cr) and cr != (self.line_width - self.line_bases == 2):
            self._fail(_LINE_END)
        elif self.line_length < self.line_bases:
            self._closed = _SHORTER
        if not self.fault:
            self.line_length = 0
            self.line += 1

    cdef inline void _end_sequence(self) noexcept nogil:
        self._check()
        if self.fault:
            return
        if self.length == 0:
            self._fail(_NO_BASES)
            return
        self.sequences += 1
        self._open = False

    cdef inline void _check(self) noexcept nogil:
        """Check the bases that were stripped of their line ends since the last time, and make them upper case."""
        cdef uchar* at = self._bases + self._checked
        cdef Py_ssize_t length = self._stripped - self._checked
        cdef Py_ssize_t sound = _sound_bases(at, length)
        if sound < length:
            self.byte = at[sound]
            self.position = self.length + sound + 1
            self.fault = _BAD_BASE
            return
        _make_upper(at, length)
        self.length += length
        self._checked = self._stripped

    cdef void _fail(self, int fault) noexcept nogil:
        """What stands before a fault is told before it."""
        if not self.fault:
            self._check()
        if not self.fault:
            self.fault = fault
