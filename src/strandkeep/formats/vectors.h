/* Inflation (isal's, it seems) leaves the upper halves of the vector registers in use. As long as they are, each plain SSE
   instruction has to keep them, which makes what is compiled without AVX, as kernels for any machine are, slower: a BAM
   was measured to take a tenth more CPU, and its QC twice as much. */

static inline void forget_upper_halves(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx")) {
        __asm__ volatile("vzeroupper");
    }
#endif
}
