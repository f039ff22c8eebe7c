"""The counters of `qc.h`, for the kernels that fill them."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef extern from "qc.h" nogil:
    enum:
        QC_QUALITIES
        QC_PERCENTS
        QC_LETTERS
        QC_PLACES
        QC_MAPQS
        QC_INSERT
    ctypedef struct qc_counters:
        uint64_t reads
        uint64_t bases
        uint64_t unrated
        uint64_t sampled
        uint64_t shortest
        uint64_t longest
        uint64_t gc[QC_PERCENTS]
        uint64_t means[QC_QUALITIES]
        uint64_t lengths[QC_PLACES]
        uint64_t mapqs[QC_MAPQS]
        uint64_t inserts[QC_INSERT + 1]
    ctypedef struct qc_alphabet:
        pass
    const qc_alphabet QC_TEXT
    qc_counters* qc_new(int zero)
    void qc_begin(qc_counters* qc)
    void qc_bases(
        qc_counters* qc, const unsigned char* at, int64_t length, int64_t cycle, const qc_alphabet* alphabet
    )
    void qc_qualities(qc_counters* qc, const unsigned char* at, int64_t length, int64_t cycle)
    void qc_end(qc_counters* qc, int64_t length, int rated)
    void qc_record(qc_counters* qc, const uint8_t* packed, const uint8_t* qualities, int64_t length, int reversed)
    void qc_alignment(qc_counters* qc, int flag, int mapq, int64_t tlen)
    int64_t qc_n50(const qc_counters* qc)
    int64_t qc_place(int64_t length)
    int64_t qc_length_at(int64_t place)
    void qc_settle(qc_counters* qc)
    void qc_cycles(const qc_counters* qc, int64_t first, int64_t last, uint64_t* qualities, uint64_t* letters)
    void qc_all_qualities(const qc_counters* qc, uint64_t* qualities)


cdef class Counters:
    cdef qc_counters* at
