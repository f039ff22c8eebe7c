/* What reads are like, counted while they pass: `docs/reference/qc.md` defines each figure.

   A read may come in pieces of any size: qc_begin, any number of qc_bases and qc_qualities, qc_end. Its bytes are
   looked at while they are in the processor's nearest cache, in loops without a way out, so that the compiler makes
   vectors of them. Memory is bounded whatever the reads are, and pages in which nothing is counted are never made. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    QC_QUALITIES = 94,      /* 0 to 93 */
    QC_EVERY = 1000000,     /* so many reads are counted by cycle, then one in */
    QC_ONE_IN = 8,
    QC_SINGLES = 4999,      /* cycles that are counted each by itself; later ones in bins: */
    QC_DECADES = 3,         /* of 100 cycles from 5,000 on, of 1,000 from 50,000 on, of 10,000 from 500,000 on, */
    QC_DECADE = 450,        /* 450 of each width, */
    QC_WIDE = QC_DECADES * QC_DECADE + 1, /* and one for all that is beyond */
    QC_LENGTHS = 1000000,   /* shorter reads are counted by their length, longer ones in bins of */
    QC_LENGTH_BIN = 10000,
    QC_PLACES = QC_LENGTHS + 25000,
    QC_LETTERS = 4,         /* A, C, G, and T or U */
    QC_LANES = 4,           /* counts side by side: the same quality twice in a row need not wait for itself */
    QC_PAIRS = 65536,       /* two qualities as one number */
    QC_BYTE = 255,          /* the most that a byte counts to, */
    QC_WORD = 65535,        /* and two */
    QC_PERCENTS = 101,
    QC_MAPQS = 256,
    QC_INSERT = 8000,       /* the longest insert that is counted by its size; what is longer counts as this */
    QC_PIECE = 4096         /* bases of an alignment that are turned at once */
};

typedef struct {
    uint64_t reads, bases;
    uint64_t unrated;                                   /* reads that have bases and no qualities */
    uint64_t sampled;                                   /* reads that are counted by cycle */
    uint64_t shortest, longest;
    uint64_t gc[QC_PERCENTS];
    uint64_t means[QC_QUALITIES];
    uint64_t lengths[QC_PLACES];
    uint64_t pairs[QC_LANES][QC_PAIRS];                 /* qualities of reads that are not counted by cycle, in pairs */
    uint64_t odd[QC_BYTE + 1];                            /* and those that are left when pairs are made */
    uint64_t ends[QC_SINGLES + 1];                      /* reads by their last single cycle */
    uint64_t letters[QC_LETTERS][QC_SINGLES];
    uint64_t qualities[QC_SINGLES][QC_QUALITIES];
    uint8_t new_letters[QC_LETTERS][QC_SINGLES];        /* not yet in the two before: the smaller, the faster */
    uint16_t new_qualities[QC_SINGLES][QC_QUALITIES];
    int unsettled_letters, unsettled_qualities;         /* reads in them, */
    int reach;                                          /* and how many cycles are in use */
    uint64_t wide_bases[QC_WIDE];
    uint64_t wide_letters[QC_LETTERS][QC_WIDE];
    uint64_t wide_qualities[QC_WIDE][QC_LANES][QC_QUALITIES];
    uint64_t mapqs[QC_MAPQS];
    uint64_t inserts[QC_INSERT + 1];
    uint16_t two[2][256];                               /* two packed bases as letters; those of the other strand */
    int zero;                                           /* the byte of quality 0 */
    int by_cycle;                                       /* the read in hand: whether it is counted by cycle, */
    uint64_t read_gc, read_quality;                     /* its G and C, the sum of its qualities */
} qc_counters;

/* Fresh counters of reads whose qualities begin at the byte `zero`, or NULL when there is no memory. */
static inline qc_counters *qc_new(int zero) {
    qc_counters *qc = (qc_counters *)calloc(1, sizeof(qc_counters));
    if (qc != NULL) {
        qc->shortest = UINT64_MAX;
        qc->zero = zero;
        for (int packed = 0; packed < 256; packed++) {
            char pair[4] = {"=ACMGRSVTWYHKDBN"[packed >> 4], "=ACMGRSVTWYHKDBN"[packed & 15],
                            "=TGKCYSBAWRDMHVN"[packed & 15], "=TGKCYSBAWRDMHVN"[packed >> 4]};
            memcpy(&qc->two[0][packed], pair, 2);
            memcpy(&qc->two[1][packed], pair + 2, 2);
        }
    }
    return qc;
}

static inline void qc_settle_letters(qc_counters *qc) {
    for (int letter = 0; letter < QC_LETTERS; letter++) {
        for (int i = 0; i < qc->reach; i++) {
            qc->letters[letter][i] += qc->new_letters[letter][i];
        }
        memset(qc->new_letters[letter], 0, qc->reach);
    }
    qc->unsettled_letters = 0;
}

static inline void qc_settle_qualities(qc_counters *qc) {
    uint64_t *all = &qc->qualities[0][0];
    uint16_t *fresh = &qc->new_qualities[0][0];
    for (int i = 0; i < qc->reach * QC_QUALITIES; i++) {
        all[i] += fresh[i];
    }
    memset(fresh, 0, qc->reach * sizeof(qc->new_qualities[0]));
    qc->unsettled_qualities = 0;
}

static inline void qc_begin(qc_counters *qc) {
    qc->by_cycle = qc->reads < QC_EVERY || qc->reads % QC_ONE_IN == 0;
    qc->read_gc = qc->read_quality = 0;
    if (!qc->by_cycle) {
        return;
    }
    if (qc->unsettled_letters++ == QC_BYTE) {
        qc_settle_letters(qc);
        qc->unsettled_letters = 1;
    }
    if (qc->unsettled_qualities++ == QC_WORD) {
        qc_settle_qualities(qc);
        qc->unsettled_qualities = 1;
    }
}

static inline int qc_is(unsigned char letter, unsigned char upper) { return (letter & 0xDF) == upper; }

/* U is T but for its last bit, and G is C but for one. */
static inline int qc_is_t(unsigned char letter) { return (letter & 0xDE) == 'T'; }
static inline int qc_is_gc(unsigned char letter) { return (letter & 0xDB) == 'C'; }

static inline uint64_t qc_count_gc(const unsigned char *at, int64_t length) {
    uint64_t sum = 0;
    while (length > 0) {
        int piece = length < QC_BYTE ? (int)length : QC_BYTE;
        uint8_t found = 0;
        for (int i = 0; i < piece; i++) {
            found += qc_is_gc(at[i]);
        }
        sum += found;
        at += piece;
        length -= piece;
    }
    return sum;
}

static inline uint64_t qc_sum(const unsigned char *at, int64_t length) {
    uint64_t sum = 0;
    while (length > 0) {
        int piece = length < QC_BYTE ? (int)length : QC_BYTE;
        uint16_t part = 0;
        for (int i = 0; i < piece; i++) {
            part += at[i];
        }
        sum += part;
        at += piece;
        length -= piece;
    }
    return sum;
}

/* The wide bin of a cycle from 1 that is beyond the singles, and the last cycle that is in it. */
static inline int qc_bin(int64_t cycle, int64_t *last) {
    int64_t first = QC_SINGLES + 1, width = 100;
    for (int decade = 0; decade < QC_DECADES; decade++, first *= 10, width *= 10) {
        if (cycle < first * 10) {
            int64_t number = (cycle - first) / width;
            *last = first + (number + 1) * width - 1;
            return decade * QC_DECADE + (int)number;
        }
    }
    *last = INT64_MAX;
    return QC_WIDE - 1;
}

/* How much of a piece that begins behind `cycle` lies in one bin, or in the singles; and in which. */
static inline int64_t qc_within(int64_t cycle, int64_t length, int *bin) {
    int64_t last = QC_SINGLES;
    *bin = cycle < QC_SINGLES ? 0 : qc_bin(cycle + 1, &last);
    return length < last - cycle ? length : last - cycle;
}

static inline void qc_single_bases(qc_counters *qc, const unsigned char *restrict at, int length, int cycle) {
    uint8_t *restrict a = qc->new_letters[0] + cycle;
    uint8_t *restrict c = qc->new_letters[1] + cycle;
    uint8_t *restrict g = qc->new_letters[2] + cycle;
    uint8_t *restrict t = qc->new_letters[3] + cycle;
    qc->reach = cycle + length > qc->reach ? cycle + length : qc->reach;
    for (int i = 0; i < length; i++) {
        a[i] += qc_is(at[i], 'A');
        c[i] += qc_is(at[i], 'C');
        g[i] += qc_is(at[i], 'G');
        t[i] += qc_is_t(at[i]);
    }
}

static inline void qc_wide_bases(qc_counters *qc, const unsigned char *at, int64_t length, int bin) {
    qc->wide_bases[bin] += length;
    while (length > 0) {
        int piece = length < QC_BYTE ? (int)length : QC_BYTE;
        uint8_t a = 0, c = 0, g = 0, t = 0;
        for (int i = 0; i < piece; i++) {
            a += qc_is(at[i], 'A');
            c += qc_is(at[i], 'C');
            g += qc_is(at[i], 'G');
            t += qc_is_t(at[i]);
        }
        qc->wide_letters[0][bin] += a;
        qc->wide_letters[1][bin] += c;
        qc->wide_letters[2][bin] += g;
        qc->wide_letters[3][bin] += t;
        at += piece;
        length -= piece;
    }
}

/* Letters of the read in hand; `cycle` counts those that came before. */
static inline void qc_bases(qc_counters *qc, const unsigned char *at, int64_t length, int64_t cycle) {
    qc->read_gc += qc_count_gc(at, length);
    while (qc->by_cycle && length > 0) {
        int bin;
        int64_t piece = qc_within(cycle, length, &bin);
        if (cycle < QC_SINGLES) {
            qc_single_bases(qc, at, (int)piece, (int)cycle);
        } else {
            qc_wide_bases(qc, at, piece, bin);
        }
        at += piece;
        cycle += piece;
        length -= piece;
    }
}

static inline void qc_single_qualities(qc_counters *qc, const unsigned char *at, int length, int cycle) {
    uint16_t *counts = &qc->new_qualities[0][0] + cycle * QC_QUALITIES - qc->zero;
    for (int i = 0; i < length; i++, counts += QC_QUALITIES) {
        counts[at[i]]++;
    }
}

static inline void qc_wide_qualities(qc_counters *qc, const unsigned char *at, int64_t length, int bin) {
    uint64_t(*lanes)[QC_QUALITIES] = qc->wide_qualities[bin];
    int zero = qc->zero;
    for (int64_t i = 0; i < length; i++) {
        lanes[i % QC_LANES][at[i] - zero]++;
    }
}

/* Qualities by pairs: half as many counts to change. */
static inline void qc_pairs(qc_counters *qc, const unsigned char *at, int64_t length) {
    for (; length >= 8; at += 8, length -= 8) {
        uint64_t eight;
        memcpy(&eight, at, 8);
        qc->pairs[0][eight & 0xFFFF]++;
        qc->pairs[1][eight >> 16 & 0xFFFF]++;
        qc->pairs[2][eight >> 32 & 0xFFFF]++;
        qc->pairs[3][eight >> 48]++;
    }
    for (; length > 0; at++, length--) {
        qc->odd[*at]++;
    }
}

/* Qualities of the read in hand, checked to be 0 to 93 above `zero`; `cycle` counts those that came before. */
static inline void qc_qualities(qc_counters *qc, const unsigned char *at, int64_t length, int64_t cycle) {
    qc->read_quality += qc_sum(at, length) - (uint64_t)qc->zero * length;
    if (!qc->by_cycle) {
        qc_pairs(qc, at, length);
        return;
    }
    while (length > 0) {
        int bin;
        int64_t piece = qc_within(cycle, length, &bin);
        if (cycle < QC_SINGLES) {
            qc_single_qualities(qc, at, (int)piece, (int)cycle);
        } else {
            qc_wide_qualities(qc, at, piece, bin);
        }
        at += piece;
        cycle += piece;
        length -= piece;
    }
}

/* The place of a length in `lengths`, and the shortest length that is there. */
static inline int64_t qc_place(int64_t length) {
    int64_t place = length < QC_LENGTHS ? length : QC_LENGTHS + (length - QC_LENGTHS) / QC_LENGTH_BIN;
    return place < QC_PLACES ? place : QC_PLACES - 1;
}

static inline int64_t qc_length_at(int64_t place) {
    return place < QC_LENGTHS ? place : QC_LENGTHS + (place - QC_LENGTHS) * QC_LENGTH_BIN;
}

/* The end of the read in hand, and how long it was; `rated`: whether it had qualities. */
static inline void qc_end(qc_counters *qc, int64_t length, int rated) {
    qc->reads++;
    qc->bases += length;
    qc->lengths[qc_place(length)]++;
    qc->shortest = (uint64_t)length < qc->shortest ? (uint64_t)length : qc->shortest;
    qc->longest = (uint64_t)length > qc->longest ? (uint64_t)length : qc->longest;
    if (qc->by_cycle) {
        qc->sampled++;
        qc->ends[length < QC_SINGLES ? length : QC_SINGLES]++;
    }
    if (length == 0) {
        return;
    }
    qc->gc[(200 * qc->read_gc + length) / (2 * (uint64_t)length)]++;
    if (rated) {
        qc->means[qc->read_quality / length]++;
    } else {
        qc->unrated++;
    }
}

/* Bases `from` (even) to `to` of a packed sequence as the letters of its strand. */
static inline void qc_unpack(const qc_counters *qc, const uint8_t *packed, int64_t from, int64_t to, char *letters) {
    for (packed += from / 2; from < to; from += 2, letters += 2) {
        memcpy(letters, &qc->two[0][*packed++], 2);
    }
}

/* The same, and those of the other strand; where `to` is odd, a letter too many stands before the first. */
static inline void qc_unpack_turned(const qc_counters *qc, const uint8_t *packed, int64_t from, int64_t to,
                                    char *letters) {
    letters -= to % 2;
    for (int64_t at = (to + 1) / 2; at > from / 2; letters += 2) {
        memcpy(letters, &qc->two[1][packed[--at]], 2);
    }
}

static inline void qc_turn(const uint8_t *at, int64_t length, uint8_t *turned) {
    for (; length >= 8; length -= 8, turned += 8) {
        uint64_t eight;
        memcpy(&eight, at + length - 8, 8);
        eight = __builtin_bswap64(eight);
        memcpy(turned, &eight, 8);
    }
    while (length > 0) {
        *turned++ = at[--length];
    }
}

/* A read of `length` packed bases and as many qualities, 0xFF first when it has none. One that is `reversed` is turned
   back, so that its cycles are the machine's. */
static inline void qc_record(qc_counters *qc, const uint8_t *packed, const uint8_t *qualities, int64_t length,
                             int reversed) {
    char letters[QC_PIECE + 2];
    uint8_t turned[QC_PIECE + 1];
    int rated = length > 0 && qualities[0] != 0xFF;
    int64_t done = 0;
    qc_begin(qc);
    while (done < length) {
        int64_t to = reversed ? length - done : (done + QC_PIECE < length ? done + QC_PIECE : length);
        int64_t from = reversed ? (to > QC_PIECE ? (to - QC_PIECE) & ~(int64_t)1 : 0) : done;
        const uint8_t *of_piece = qualities + from;
        if (reversed) {
            qc_unpack_turned(qc, packed, from, to, letters + 1);
            qc_turn(of_piece, rated ? to - from : 0, turned);
            of_piece = turned;
        } else {
            qc_unpack(qc, packed, from, to, letters + 1);
        }
        qc_bases(qc, (unsigned char *)letters + 1, to - from, done);
        if (rated) {
            qc_qualities(qc, of_piece, to - from, done);
        }
        done += to - from;
    }
    qc_end(qc, length, rated);
}

/* MAPQ and the size of the insert of a primary record, of those that `samtools stats` counts. */
static inline void qc_alignment(qc_counters *qc, int flag, int mapq, int64_t tlen) {
    enum { PAIRED = 1, PROPER = 2, UNMAPPED = 4, MATE_UNMAPPED = 8, FIRST = 64, FAILED = 512, DUPLICATE = 1024 };
    int64_t size = tlen < 0 ? -tlen : tlen;
    if (!(flag & (UNMAPPED | FAILED | DUPLICATE))) {
        qc->mapqs[mapq]++;
    }
    if ((flag & (PAIRED | PROPER | UNMAPPED | MATE_UNMAPPED | FIRST)) == (PAIRED | PROPER | FIRST)) {
        qc->inserts[size < QC_INSERT ? size : QC_INSERT]++;
    }
}

/* The longest length such that reads of it, and longer ones, have half of all bases; 0 without bases. */
static inline int64_t qc_n50(const qc_counters *qc) {
    uint64_t half = qc->bases / 2 + qc->bases % 2, seen = 0;
    for (int64_t place = qc_place(qc->longest); place > 0; place--) {
        seen += qc->lengths[place] * (uint64_t)qc_length_at(place);
        if (seen >= half) {
            return qc_length_at(place);
        }
    }
    return 0;
}

static inline void qc_settle(qc_counters *qc) {
    qc_settle_letters(qc);
    qc_settle_qualities(qc);
}

/* Add what a single cycle has, settled: bases by quality; A, C, G, T, and all. */
static inline void qc_single(const qc_counters *qc, int cycle, uint64_t *qualities, uint64_t *letters) {
    for (int q = 0; q < QC_QUALITIES; q++) {
        qualities[q] += qc->qualities[cycle - 1][q];
    }
    for (int i = 0; i < QC_LETTERS; i++) {
        letters[i] += qc->letters[i][cycle - 1];
    }
    for (int end = cycle; end <= QC_SINGLES; end++) {
        letters[QC_LETTERS] += qc->ends[end];
    }
}

static inline void qc_wide(const qc_counters *qc, int bin, uint64_t *qualities, uint64_t *letters) {
    for (int lane = 0; lane < QC_LANES; lane++) {
        for (int q = 0; q < QC_QUALITIES; q++) {
            qualities[q] += qc->wide_qualities[bin][lane][q];
        }
    }
    for (int i = 0; i < QC_LETTERS; i++) {
        letters[i] += qc->wide_letters[i][bin];
    }
    letters[QC_LETTERS] += qc->wide_bases[bin];
}

/* Add what the cycles `first` to `last` have, as qc_single does; beyond the singles both must be ends of bins. */
static inline void qc_cycles(const qc_counters *qc, int64_t first, int64_t last, uint64_t *qualities,
                             uint64_t *letters) {
    for (; first <= last && first <= QC_SINGLES; first++) {
        qc_single(qc, (int)first, qualities, letters);
    }
    while (first <= last) {
        int64_t end;
        qc_wide(qc, qc_bin(first, &end), qualities, letters);
        if (end >= last) {
            return;
        }
        first = end + 1;
    }
}

/* Add the bases of all reads by quality. */
static inline void qc_all_qualities(const qc_counters *qc, uint64_t *qualities) {
    int zero = qc->zero;
    uint64_t letters[QC_LETTERS + 1] = {0};
    qc_cycles(qc, 1, INT64_MAX, qualities, letters);
    for (int first = 0; first < QC_QUALITIES; first++) {
        qualities[first] += qc->odd[first + zero];
        for (int second = 0; second < QC_QUALITIES; second++) {
            for (int lane = 0; lane < QC_LANES; lane++) {
                uint64_t pairs = qc->pairs[lane][(first + zero) | (second + zero) << 8];
                qualities[first] += pairs;
                qualities[second] += pairs;
            }
        }
    }
}
