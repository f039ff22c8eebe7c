# cython: language_level=3
"""What was counted of reads, for `qc.py`. The kernels count, by the functions of `qc.h`."""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset


cdef list _listed(const uint64_t* counts, int length):
    return [counts[i] for i in range(length)]


cdef (int64_t, int64_t) _length_bin(int64_t length):
    """The shortest and the longest length beside this one: itself below 1,000, else all with its first two digits."""
    cdef int64_t width = 1
    while length >= 1000 * width:
        width *= 10
    width *= 10 if length >= 1000 else 1
    return length // width * width, length // width * width + width - 1


cdef class Counters:
    """Counters of one file's reads, to be handed to its kernel; `zero` is the byte that stands for quality 0."""

    def __cinit__(self, int zero):
        self.at = qc_new(zero)
        if self.at == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.at)

    @property
    def reads(self):
        """Reads."""
        return self.at.reads

    @property
    def bases(self):
        """Their bases."""
        return self.at.bases

    @property
    def sampled(self):
        """Reads that were counted by cycle."""
        return self.at.sampled

    @property
    def unrated(self):
        """Reads that have bases and no qualities."""
        return self.at.unrated

    @property
    def shortest(self):
        """The length of the shortest read; 0 without reads."""
        return self.at.shortest if self.at.reads else 0

    @property
    def longest(self):
        """The length of the longest read."""
        return self.at.longest

    @property
    def n50(self):
        """The length that half of all bases lie in reads of, or longer ones."""
        return qc_n50(self.at)

    def gc(self):
        """Reads by their whole percent of G and C, 0 to 100."""
        return _listed(self.at.gc, QC_PERCENTS)

    def mean_qualities(self):
        """Reads by the whole part of their mean quality, 0 to 93."""
        return _listed(self.at.means, QC_QUALITIES)

    def mapqs(self):
        """Reads by MAPQ, 0 to 255."""
        return _listed(self.at.mapqs, QC_MAPQS)

    def inserts(self):
        """Pairs by the size of their insert, 0 to 8,000 or more."""
        return _listed(self.at.inserts, QC_INSERT + 1)

    def qualities(self):
        """Bases of all reads by quality, 0 to 93."""
        cdef uint64_t counts[QC_QUALITIES]
        memset(counts, 0, sizeof(counts))
        qc_settle(self.at)
        qc_all_qualities(self.at, counts)
        return _listed(counts, QC_QUALITIES)

    def lengths(self):
        """(shortest, longest, reads) of each bin of lengths that has reads: see `_length_bin`."""
        cdef int64_t place, length, first = 0, last = -1, longest = qc_place(self.at.longest)
        cdef uint64_t reads = 0
        found = []
        for place in range(longest + 1):
            if self.at.lengths[place] == 0:
                continue
            length = qc_length_at(place)
            if length > last:
                if reads:
                    found.append((first, last, reads))
                first, last = _length_bin(length)
                reads = 0
            reads += self.at.lengths[place]
        return [*found, (first, last, reads)] if reads else found

    def cycles(self, int64_t first, int64_t last):
        """Bases of the cycles `first` to `last`: by quality, 0 to 93; A, C, G, T or U, and all.

        From 5,000 on both must be ends of a group of `qc.cycle_groups`, or `last` the longest read's end.
        """
        cdef uint64_t qualities[QC_QUALITIES]
        cdef uint64_t letters[QC_LETTERS + 1]
        memset(qualities, 0, sizeof(qualities))
        memset(letters, 0, sizeof(letters))
        qc_settle(self.at)
        qc_cycles(self.at, first, last, qualities, letters)
        return _listed(qualities, QC_QUALITIES), _listed(letters, QC_LETTERS + 1)
