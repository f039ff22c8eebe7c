"""What of htslib's public interface the kernels use: pysam's own build of it, found at run time by `htslib.py`."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "htslib/kstring.h" nogil:
    ctypedef struct kstring_t:
        size_t l
        size_t m
        char* s

cdef extern from "htslib/hts.h" nogil:
    ctypedef int64_t hts_pos_t
    ctypedef struct hts_idx_t:
        pass
    enum:
        HTS_FMT_CSI
        HTS_FMT_BAI
    hts_idx_t* hts_idx_init(int n, int fmt, uint64_t offset0, int min_shift, int n_lvls)
    int hts_idx_push(hts_idx_t* idx, int tid, hts_pos_t beg, hts_pos_t end, uint64_t offset, int is_mapped)
    int hts_idx_finish(hts_idx_t* idx, uint64_t final_offset)
    int hts_idx_save_as(const hts_idx_t* idx, const char* fn, const char* fnidx, int fmt)
    void hts_idx_destroy(hts_idx_t* idx)
    ctypedef struct hFILE:
        pass
    ctypedef struct htsFile:
        pass
    enum:
        CRAM_OPT_DECODE_MD
    htsFile* hts_hopen(hFILE* fp, const char* fn, const char* mode)
    int hts_close(htsFile* fp)
    int hts_set_opt(htsFile* fp, int opt, ...)
    int hts_set_fai_filename(htsFile* fp, const char* fn_aux)

cdef extern from "htslib/hfile.h" nogil:
    hFILE* hdopen(int fd, const char* mode)
    void hclose_abruptly(hFILE* fp)

cdef extern from "htslib/hts_log.h" nogil:
    enum:
        HTS_LOG_WARNING
    void hts_set_log_level(int level)

cdef extern from "htslib/bgzf.h" nogil:
    ctypedef struct BGZF:
        pass
    BGZF* bgzf_dopen(int fd, const char* mode)
    ssize_t bgzf_write(BGZF* fp, const void* data, size_t length)
    int bgzf_close(BGZF* fp)

cdef extern from "htslib/sam.h" nogil:
    enum:
        BAM_FPAIRED
        BAM_FUNMAP
        BAM_FMUNMAP
        BAM_FSECONDARY
        BAM_FQCFAIL
        BAM_FREVERSE
        BAM_FSUPPLEMENTARY
    ctypedef struct sam_hdr_t:
        int32_t n_targets
        uint32_t* target_len
        char** target_name
    ctypedef struct bam1_core_t:
        hts_pos_t pos
        int32_t tid
        uint16_t bin
        uint8_t qual
        uint8_t l_extranul
        uint16_t flag
        uint16_t l_qname
        uint32_t n_cigar
        int32_t l_qseq
        int32_t mtid
        hts_pos_t mpos
        hts_pos_t isize
    ctypedef struct bam1_t:
        bam1_core_t core
        uint64_t id
        uint8_t* data
        int l_data
        uint32_t m_data
    sam_hdr_t* sam_hdr_init()
    void sam_hdr_destroy(sam_hdr_t* h)
    bam1_t* bam_init1()
    void bam_destroy1(bam1_t* b)
    hts_pos_t bam_endpos(const bam1_t* b)
    sam_hdr_t* sam_hdr_read(htsFile* fp)
    int sam_read1(htsFile* fp, sam_hdr_t* h, bam1_t* b)
    int sam_format1(const sam_hdr_t* h, const bam1_t* b, kstring_t* str)
