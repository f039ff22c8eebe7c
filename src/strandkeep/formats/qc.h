/* What reads are like, counted while they pass: `docs/reference/qc.md` defines each figure.

   A read may come in pieces of any size: qc_begin, any number of qc_bases and qc_qualities, qc_end. They are looked at
   block by block, 16 bytes a step, while they are in the processor's nearest cache. Most machines know few qualities:
   as long as a file has no more than QC_PALETTE of them, they are counted 16 a step as well, each value by itself.
   Memory is bounded whatever the reads are, and pages in which nothing is counted are never made. */

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
    QC_PALETTE = 8,         /* different qualities of a file that are counted one by one */
    QC_VECTOR = 16,
    QC_BLOCK = 240,         /* bytes that are looked at together: a byte can count those of a lane, and of eight */
    QC_PADDING = 0xFF,      /* no letter and no quality: what fills the last vector of a block */
    QC_BYTE = 255,          /* the most that a byte counts to, */
    QC_WORD = 65535,        /* and two */
    QC_PERCENTS = 101,
    QC_MAPQS = 256,
    QC_INSERT = 8000,       /* the longest insert that is counted by its size; what is longer counts as this */
    QC_PIECE = 4096         /* bases of an alignment that are turned at once */
};

typedef uint8_t qc_vector __attribute__((vector_size(QC_VECTOR), may_alias, aligned(1)));
typedef uint16_t qc_words __attribute__((vector_size(QC_VECTOR), may_alias, aligned(1)));

/* A, C, G and T of a text: a letter is one when it is its code under its mask. */
typedef struct {
    uint8_t mask[4], code[4];
} qc_alphabet;

/* Either case, and U as T; bases packed by htslib; those of the other strand. */
static const qc_alphabet QC_TEXT = {{0xDF, 0xDF, 0xDF, 0xDE}, {'A', 'C', 'G', 'T'}};
static const qc_alphabet QC_PACKED = {{0xFF, 0xFF, 0xFF, 0xFF}, {1, 2, 4, 8}};
static const qc_alphabet QC_TURNED = {{0xFF, 0xFF, 0xFF, 0xFF}, {8, 4, 2, 1}};

typedef struct {
    uint64_t reads, bases;
    uint64_t unrated;                                   /* reads that have bases and no qualities */
    uint64_t sampled;                                   /* reads that are counted by cycle */
    uint64_t shortest, longest;
    uint64_t gc[QC_PERCENTS];
    uint64_t means[QC_QUALITIES];
    uint64_t lengths[QC_PLACES];
    uint64_t tally[QC_QUALITIES];                       /* qualities of reads that are not counted by cycle; */
    uint64_t pairs[QC_LANES][QC_PAIRS];                 /* of many different ones, in pairs, */
    uint64_t odd[QC_BYTE + 1];                            /* and those that no pair is left for */
    uint64_t ends[QC_SINGLES + 1];                      /* reads by their last single cycle */
    uint64_t letters[QC_LETTERS][QC_SINGLES];
    uint64_t qualities[QC_SINGLES][QC_QUALITIES];
    uint8_t new_letters[QC_LETTERS][QC_SINGLES + QC_BLOCK]; /* not yet in the two before: the smaller, the faster */
    uint8_t new_values[QC_PALETTE][QC_SINGLES + QC_BLOCK];
    uint16_t new_qualities[QC_SINGLES][QC_QUALITIES];
    int unsettled_bytes, unsettled_words;         /* reads in them, */
    int reach;                                          /* and how many cycles are in use */
    uint64_t wide_bases[QC_WIDE];
    uint64_t wide_letters[QC_LETTERS][QC_WIDE];
    uint64_t wide_qualities[QC_WIDE][QC_LANES][QC_QUALITIES];
    uint64_t mapqs[QC_MAPQS];
    uint64_t inserts[QC_INSERT + 1];
    uint8_t palette[QC_PALETTE];                        /* the qualities of the file, as bytes */
    int values;                                         /* how many those are; more than QC_PALETTE: too many */
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
    }
    return qc;
}

static inline void qc_settle_bytes(qc_counters *qc) {
    for (int letter = 0; letter < QC_LETTERS; letter++) {
        for (int i = 0; i < qc->reach; i++) {
            qc->letters[letter][i] += qc->new_letters[letter][i];
        }
        memset(qc->new_letters[letter], 0, qc->reach);
    }
    for (int value = 0; value < qc->values && value < QC_PALETTE; value++) {
        for (int i = 0; i < qc->reach; i++) {
            qc->qualities[i][qc->palette[value] - qc->zero] += qc->new_values[value][i];
        }
        memset(qc->new_values[value], 0, qc->reach);
    }
    qc->unsettled_bytes = 0;
}

static inline void qc_settle_words(qc_counters *qc) {
    uint64_t *all = &qc->qualities[0][0];
    uint16_t *fresh = &qc->new_qualities[0][0];
    for (int i = 0; i < qc->reach * QC_QUALITIES; i++) {
        all[i] += fresh[i];
    }
    memset(fresh, 0, qc->reach * sizeof(qc->new_qualities[0]));
    qc->unsettled_words = 0;
}

static inline void qc_begin(qc_counters *qc) {
    qc->by_cycle = qc->reads < QC_EVERY || qc->reads % QC_ONE_IN == 0;
    qc->read_gc = qc->read_quality = 0;
    if (!qc->by_cycle) {
        return;
    }
    if (qc->unsettled_bytes++ == QC_BYTE) {
        qc_settle_bytes(qc);
        qc->unsettled_bytes = 1;
    }
    if (qc->unsettled_words++ == QC_WORD) {
        qc_settle_words(qc);
        qc->unsettled_words = 1;
    }
}

/* Fill a block from a piece; how many vectors it has. What is written by vectors is read by vectors soonest. */
static inline int qc_block(const unsigned char *at, int length, qc_vector *block) {
    int whole = length / QC_VECTOR;
    for (int i = 0; i < whole; i++) {
        block[i] = ((const qc_vector *)at)[i];
    }
    block[whole] = (qc_vector){0} + QC_PADDING;
    if (whole == 0) {
        memcpy(block, at, length);
    } else {
        *(qc_vector *)((uint8_t *)block + length - QC_VECTOR) = *(const qc_vector *)(at + length - QC_VECTOR);
    }
    return (length + QC_VECTOR - 1) / QC_VECTOR;
}

/* The sum of the bytes of a vector, if those of each half come to 255 at most. */
static inline int qc_add_up(qc_vector counts) {
    uint64_t halves[2];
    memcpy(halves, &counts, QC_VECTOR);
    return (int)(halves[0] * 0x0101010101010101u >> 56) + (int)(halves[1] * 0x0101010101010101u >> 56);
}

static inline int qc_count(const qc_vector *block, int vectors, uint8_t mask, uint8_t code) {
    qc_vector counts = {0};
    for (int i = 0; i < vectors; i++) {
        counts -= (qc_vector)((block[i] & mask) == code);
    }
    return qc_add_up(counts);
}

/* The sum of a block's bytes, the padding included. */
static inline int qc_sum(const qc_vector *block, int vectors) {
    qc_words sums = {0};
    int sum = 0;
    for (int i = 0; i < vectors; i++) {
        qc_words two = (qc_words)block[i];
        sums += (two & 0xFF) + (two >> 8);
    }
    for (int i = 0; i < QC_VECTOR / 2; i++) {
        sum += sums[i];
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

/* How much of a piece that begins behind `cycle` is a block that lies in one bin, or in the singles; and in which. */
static inline int qc_within(int64_t cycle, int64_t length, int *bin) {
    int64_t last = QC_SINGLES;
    *bin = cycle < QC_SINGLES ? 0 : qc_bin(cycle + 1, &last);
    length = length < last - cycle ? length : last - cycle;
    return length < QC_BLOCK ? (int)length : QC_BLOCK;
}

static inline void qc_single_bases(qc_counters *qc, const qc_vector *block, int vectors, int64_t cycle,
                                   const qc_alphabet *alphabet) {
    const qc_vector none = {0};
    for (int letter = 0; letter < QC_LETTERS; letter += 2) {
        qc_vector *one = (qc_vector *)(qc->new_letters[letter] + cycle);
        qc_vector *other = (qc_vector *)(qc->new_letters[letter + 1] + cycle);
        const qc_vector mask = none + alphabet->mask[letter], code = none + alphabet->code[letter];
        const qc_vector other_mask = none + alphabet->mask[letter + 1], other_code = none + alphabet->code[letter + 1];
        for (int i = 0; i < vectors; i++) {
            one[i] -= (qc_vector)((block[i] & mask) == code);
            other[i] -= (qc_vector)((block[i] & other_mask) == other_code);
        }
    }
}

static inline void qc_wide_bases(qc_counters *qc, const qc_vector *block, int vectors, int bin,
                                 const qc_alphabet *alphabet) {
    for (int i = 0; i < QC_LETTERS; i++) {
        qc->wide_letters[i][bin] += qc_count(block, vectors, alphabet->mask[i], alphabet->code[i]);
    }
}

/* Letters of the read in hand; `cycle` counts those that came before. */
static inline void qc_bases(qc_counters *qc, const unsigned char *at, int64_t length, int64_t cycle,
                            const qc_alphabet *alphabet) {
    while (length > 0) {
        qc_vector block[QC_BLOCK / QC_VECTOR + 1];
        int bin, piece = qc_within(cycle, length, &bin), vectors = qc_block(at, piece, block);
        qc->read_gc += qc_count(block, vectors, alphabet->mask[1], alphabet->code[1]) +
                       qc_count(block, vectors, alphabet->mask[2], alphabet->code[2]);
        if (qc->by_cycle && cycle < QC_SINGLES) {
            qc->reach = cycle + piece > qc->reach ? (int)cycle + piece : qc->reach;
            qc_single_bases(qc, block, vectors, cycle, alphabet);
        } else if (qc->by_cycle) {
            qc->wide_bases[bin] += piece;
            qc_wide_bases(qc, block, vectors, bin, alphabet);
        }
        at += piece;
        cycle += piece;
        length -= piece;
    }
}

/* Add a block's qualities to a palette that has room; 0 when it has none: there are too many. */
static inline int qc_learn(qc_counters *qc, const uint8_t *block, int length) {
    for (int i = 0; i < length; i++) {
        if (qc->values == 0 || memchr(qc->palette, block[i], qc->values) == NULL) {
            if (qc->values == QC_PALETTE) {
                qc_settle_bytes(qc);
                qc->values++;
                return 0;
            }
            qc->palette[qc->values++] = block[i];
        }
    }
    return 1;
}

/* Count a block by the values of the palette into `counts`, by quality; 0, and nothing counted, when it has others. */
static inline int qc_count_values(qc_counters *qc, const qc_vector *block, int length, int vectors, uint64_t *counts) {
    int found[QC_PALETTE], all = 0;
    for (int value = 0; value < qc->values; value++) {
        found[value] = qc_count(block, vectors, 0xFF, qc->palette[value]);
        all += found[value];
    }
    for (int value = 0; value < qc->values && all == length; value++) {
        counts[qc->palette[value] - qc->zero] += found[value];
    }
    return all == length;
}

/* The same by single cycles. */
static inline int qc_mark_values(qc_counters *qc, const qc_vector *block, int length, int vectors, int64_t cycle) {
    int all = 0;
    for (int value = 0; value < qc->values; value++) {
        qc_vector *row = (qc_vector *)(qc->new_values[value] + cycle), counts = {0};
        uint8_t code = qc->palette[value];
        for (int i = 0; i < vectors; i++) {
            qc_vector found = (qc_vector)(block[i] == code);
            row[i] -= found;
            counts += found;
        }
        all += qc_add_up(-counts);
    }
    for (int value = 0; value < qc->values && all != length; value++) {
        qc_vector *row = (qc_vector *)(qc->new_values[value] + cycle);
        for (int i = 0; i < vectors; i++) {
            row[i] += (qc_vector)(block[i] == qc->palette[value]);
        }
    }
    return all == length;
}

static inline void qc_single_qualities(qc_counters *qc, const uint8_t *at, int length, int64_t cycle) {
    uint16_t *counts = &qc->new_qualities[0][0] + cycle * QC_QUALITIES - qc->zero;
    for (int i = 0; i < length; i++, counts += QC_QUALITIES) {
        counts[at[i]]++;
    }
}

static inline void qc_wide_qualities(qc_counters *qc, const uint8_t *at, int length, int bin) {
    uint64_t(*lanes)[QC_QUALITIES] = qc->wide_qualities[bin];
    int zero = qc->zero;
    for (int i = 0; i < length; i++) {
        lanes[i % QC_LANES][at[i] - zero]++;
    }
}

/* Qualities by pairs: half as many counts to change. */
static inline void qc_pairs(qc_counters *qc, const uint8_t *at, int length) {
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

/* A block of qualities that lies in one bin, or in the singles, or is not counted by cycle. */
static inline void qc_block_of_qualities(qc_counters *qc, const qc_vector *block, int length, int vectors,
                                         int64_t cycle, int bin) {
    const uint8_t *at = (const uint8_t *)block;
    int single = qc->by_cycle && cycle < QC_SINGLES;
    uint64_t *counts = qc->by_cycle ? qc->wide_qualities[bin][0] : qc->tally;
    while (qc->values <= QC_PALETTE) {
        if (single ? qc_mark_values(qc, block, length, vectors, cycle)
                   : qc_count_values(qc, block, length, vectors, counts)) {
            return;
        }
        if (!qc_learn(qc, at, length)) {
            break;
        }
    }
    if (single) {
        qc_single_qualities(qc, at, length, cycle);
    } else if (qc->by_cycle) {
        qc_wide_qualities(qc, at, length, bin);
    } else {
        qc_pairs(qc, at, length);
    }
}

/* Qualities of the read in hand, checked to be 0 to 93 above `zero`; `cycle` counts those that came before. */
static inline void qc_qualities(qc_counters *qc, const unsigned char *at, int64_t length, int64_t cycle) {
    while (length > 0) {
        qc_vector block[QC_BLOCK / QC_VECTOR + 1];
        int bin, piece = qc_within(cycle, length, &bin), vectors = qc_block(at, piece, block);
        int padding = vectors * QC_VECTOR - piece;
        qc->read_quality += qc_sum(block, vectors) - padding * QC_PADDING - piece * qc->zero;
        qc_block_of_qualities(qc, block, piece, vectors, cycle, bin);
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

/* Bases `from` (even) to `to` of a packed sequence, a byte each, and one too many where `to` is odd. */
static inline void qc_unpack(const uint8_t *restrict packed, int64_t from, int64_t to, uint8_t *restrict codes) {
    size_t pairs = (to - from + 1) / 2;
    packed += from / 2;
    for (size_t i = 0; i < pairs; i++) {
        codes[2 * i] = packed[i] >> 4;
        codes[2 * i + 1] = packed[i] & 15;
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
    uint8_t codes[QC_PIECE + 2], turned[QC_PIECE + 2];
    int rated = length > 0 && qualities[0] != QC_PADDING;
    int64_t done = 0;
    qc_begin(qc);
    while (done < length) {
        int64_t from = done, to = done + QC_PIECE < length ? done + QC_PIECE : length;
        if (reversed) {
            to = length - done;
            from = to > QC_PIECE ? (to - QC_PIECE) & ~(int64_t)1 : 0;
        }
        qc_unpack(packed, from, to, codes);
        if (reversed) {
            qc_turn(codes, to - from, turned);
        }
        qc_bases(qc, reversed ? turned : codes, to - from, done, reversed ? &QC_TURNED : &QC_PACKED);
        if (rated && reversed) {
            qc_turn(qualities + from, to - from, turned);
        }
        if (rated) {
            qc_qualities(qc, reversed ? turned : qualities + from, to - from, done);
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
    qc_settle_bytes(qc);
    qc_settle_words(qc);
}

/* Add what a single cycle has, settled: bases by quality; A, C, G, T, and all. */
static inline void qc_single(const qc_counters *qc, int cycle, uint64_t *qualities, uint64_t *letters) {
    for (int q = 0; q < QC_QUALITIES; q++) {
        qualities[q] += qc->qualities[cycle - 1][q];
    }
    for (int i = 0; i < QC_LETTERS; i++) {
        letters[i] += qc->letters[i][cycle - 1];
    }
    for (int end = cycle; end <= QC_SINGLES && end <= (int64_t)qc->longest; end++) {
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
    last = (int64_t)qc->longest < last ? (int64_t)qc->longest : last;
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
        qualities[first] += qc->tally[first] + qc->odd[first + zero];
        for (int second = 0; second < QC_QUALITIES; second++) {
            for (int lane = 0; lane < QC_LANES; lane++) {
                uint64_t pairs = qc->pairs[lane][(first + zero) | (second + zero) << 8];
                qualities[first] += pairs;
                qualities[second] += pairs;
            }
        }
    }
}
