// PITH_CLONES before a function: compiled once per instruction set, the best one chosen when the program starts.
//
// For loops that compilers vectorise well. Products are never fused (-ffp-contract=off) and the sums in such functions
// keep to a fixed order, so every clone gives the same bits. None where a sanitizer is not set up yet when they are chosen.
#pragma once

#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PITH_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PITH_CLONES
#endif
