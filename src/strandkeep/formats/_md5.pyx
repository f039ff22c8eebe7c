# cython: language_level=3
"""MD5 as hashlib has it, but one stream can carry another along at no cost: see `md5.h`.

The worker owes the MD5 of a file's text and of its stored bytes. One after the other they are more than half of its
work; side by side the second is free.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

ctypedef unsigned char uchar

cdef extern from "md5.h":
    ctypedef struct md5_state:
        uint32_t a, b, c, d
    const md5_state MD5_START
    void md5_blocks(md5_state* state, const uchar* at, size_t blocks) nogil
    void md5_blocks_of_two(
        md5_state* one, const uchar* at, md5_state* other, const uchar* other_at, size_t blocks
    ) nogil

cdef enum:
    BLOCK = 64
    LENGTH_AT = 56  # where the last block holds the length of all, in bits


cdef class Md5:
    """The MD5 of a stream of bytes."""

    cdef md5_state _state
    cdef uint64_t _length
    cdef uchar _begun[BLOCK]  # a block whose end has not come
    cdef Py_ssize_t _begun_length
    cdef bytes _waiting  # what `_at` points into
    cdef const uchar* _at
    cdef Py_ssize_t _left
    cdef Md5 _carried

    def __cinit__(self):
        self._state = MD5_START

    def carry(self, Md5 other not None):
        """From now on `update` digests what waits in `other` as well."""
        self._carried = other

    def update(self, bytes data not None):
        """Digest bytes now."""
        self.wait(data)
        if self._carried is not None:
            self._digest_beside(self._carried)
        self._digest()

    def wait(self, bytes data not None):
        """Take bytes that another stream may carry along. What still waits is digested first."""
        self._digest()
        self._waiting, self._at, self._left = data, <const uchar*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)
        self._length += self._left

    def hexdigest(self):
        """The digest of all so far, in hex."""
        cdef Md5 ending = Md5()
        cdef uint64_t bits = self._length * 8
        self._digest()
        ending._state = self._state
        memcpy(ending._begun, self._begun, self._begun_length)
        ending._begun_length = self._begun_length
        zeros = (LENGTH_AT - 1 - self._begun_length) % BLOCK
        ending.update(b"\x80" + bytes(zeros) + bits.to_bytes(8, "little"))
        words = (ending._state.a, ending._state.b, ending._state.c, ending._state.d)
        return b"".join([word.to_bytes(4, "little") for word in words]).hex()

    cdef void _digest(self) noexcept:
        """Digest what waits."""
        self._end_begun()
        md5_blocks(&self._state, self._at, self._left // BLOCK)
        self._pass(self._left // BLOCK)
        memcpy(self._begun + self._begun_length, self._at, self._left)
        self._begun_length += self._left
        self._left = 0

    cdef void _digest_beside(self, Md5 other) noexcept:
        """Digest as many whole blocks as both have waiting."""
        cdef Py_ssize_t blocks
        self._end_begun()
        other._end_begun()
        blocks = min(self._left, other._left) // BLOCK
        md5_blocks_of_two(&self._state, self._at, &other._state, other._at, blocks)
        self._pass(blocks)
        other._pass(blocks)

    cdef void _end_begun(self) noexcept:
        """Bring the block that was begun to its end, as far as what waits allows."""
        cdef Py_ssize_t wanted = min(BLOCK - self._begun_length, self._left)
        if self._begun_length == 0:
            return
        memcpy(self._begun + self._begun_length, self._at, wanted)
        self._begun_length += wanted
        self._at += wanted
        self._left -= wanted
        if self._begun_length == BLOCK:
            md5_blocks(&self._state, self._begun, 1)
            self._begun_length = 0

    cdef void _pass(self, Py_ssize_t blocks) noexcept:
        self._at += blocks * BLOCK
        self._left -= blocks * BLOCK
