"""The bytes of an alignment record, as BAM lays them out: numbers, and tags of bounded length."""

from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memchr

ctypedef unsigned char uchar


cdef inline uint32_t u32(const uchar* at) noexcept nogil:
    return <uint32_t>at[0] | <uint32_t>at[1] << 8 | <uint32_t>at[2] << 16 | <uint32_t>at[3] << 24


cdef inline uint16_t u16(const uchar* at) noexcept nogil:
    return <uint16_t>at[0] | <uint16_t>(at[1] << 8)


cdef inline bint visible(const uchar* at, Py_ssize_t length) noexcept nogil:
    """Whether all bytes are '!' to '~'. Without a way out of the loop, so that the compiler makes vectors of it."""
    cdef uchar wrong = 0
    cdef Py_ssize_t i
    for i in range(length):
        wrong |= 0 if <uchar>(at[i] - 33) < 94 else 0xFF
    return wrong == 0


cdef inline bint _without_controls(const uchar* at, Py_ssize_t length) noexcept nogil:
    cdef uchar wrong = 0
    cdef Py_ssize_t i
    for i in range(length):
        wrong |= 0 if at[i] >= 32 else 0xFF
    return wrong == 0


cdef inline Py_ssize_t _value_length(uchar kind) noexcept nogil:
    """Bytes of a value of a type of fixed length; 0 for other types."""
    if kind == c"A" or kind == c"c" or kind == c"C":
        return 1
    if kind == c"s" or kind == c"S":
        return 2
    if kind == c"i" or kind == c"I" or kind == c"f":
        return 4
    return 8 if kind == c"d" else 0


cdef inline Py_ssize_t tag_length(const uchar* at, Py_ssize_t left) noexcept nogil:
    """Bytes of the tag at hand, its name and type included; 0 when it is none that ends within `left` bytes."""
    cdef const uchar* end
    cdef Py_ssize_t length, of_one
    if left < 4 or not visible(at, 3):
        return 0
    length = _value_length(at[2])
    if length:
        return 3 + length if 3 + length <= left and (at[2] != c"A" or visible(at + 3, 1)) else 0
    if at[2] == c"Z" or at[2] == c"H":
        end = <const uchar*>memchr(at + 3, 0, left - 3)
        return end - at + 1 if end != NULL and _without_controls(at + 3, end - at - 3) else 0
    if at[2] == c"B" and left >= 8 and at[3] != c"A" and at[3] != c"d":
        of_one = _value_length(at[3])
        length = 8 + of_one * <Py_ssize_t>u32(at + 4)
        return length if of_one and length <= left else 0
    return 0


cdef inline Py_ssize_t _text_of_number(uchar kind) noexcept nogil:
    """Most characters of a number of an array, with the comma before it."""
    if kind == c"c" or kind == c"C":
        return 5
    if kind == c"s" or kind == c"S":
        return 7
    return 16


cdef inline Py_ssize_t tag_text(const uchar* at, Py_ssize_t length) noexcept nogil:
    """Most characters of SAM text of a sound tag of `length` bytes."""
    if at[2] == c"B":
        return 8 + _text_of_number(at[3]) * <Py_ssize_t>u32(at + 4)
    return length + 24
