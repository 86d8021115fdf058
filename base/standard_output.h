// Standard output as a program's results: what could not be written is known, not lost.
#pragma once

namespace pith {

// For the beginning of a program. From then on std::cout throws std::ios_base::failure, with errno set, where a write fails.
// A stream that the program was started without (>&-) is opened so that using it fails: else the first file that is opened
// would take its place, and be written into.
void PrepareStandardStreams();

// Writes out what std::cout and stdio still hold. Throws as above, also for a write of stdio's that failed before.
void FlushStandardOutput();

}  // namespace pith
