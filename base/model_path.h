// Where a model is, by the name that people give it (docs/bases.md).
#pragma once

#include <string>

namespace pith {

// The file or folder of the model that `name` names, for BaseModel, Tokenizer and the like to load:
//   demo                          $PITH_DEMO_MODEL, or the demo model's place below the current folder
//   a path, also from ~ on        of a GGUF (of a split one: any part), or of a Hugging Face folder or a file in it that tells of the
//                                 whole (config.json, *.safetensors, model.safetensors.index.json)
//   a folder with one GGUF        that GGUF, where the folder has no safetensors
//   org/name, org/name@revision, org/name/FILE.gguf, also .../models--org--name
//                                 what Hugging Face's cache has of that repository (base/hub_cache.h). Nothing is downloaded
// In this order. UserError says where was looked, and how to get the model.
std::string ResolveModelPath(const std::string& name);

// What to call the model in files that others read: a repository of the cache by its name (org/name), as transformers and PEFT
// take it; anything else by ResolveModelPath's path.
std::string PortableModelName(const std::string& name);

}  // namespace pith
