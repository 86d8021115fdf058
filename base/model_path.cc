#include "base/model_path.h"

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"

namespace pith {

std::string ResolveModelPath(const std::string& path) {
  if (path != "demo") return path;
  if (const char* set = std::getenv("PITH_DEMO_MODEL"); set != nullptr && *set != '\0') return set;
  const std::string place = ".pith/model/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!FileExists(place)) ThrowUser("the demo model is not at ", place, "; run ./pith setup, or set PITH_DEMO_MODEL to the file");
  return place;
}

}  // namespace pith
