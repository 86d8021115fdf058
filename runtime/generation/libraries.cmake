# Sampling loops over every logit: for speed even where all else is for size.
target_compile_options(${target} PRIVATE $<$<CONFIG:MinSizeRel>:-O3>)
