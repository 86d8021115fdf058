// The vocabulary of generated stories.
#pragma once

#include <span>
#include <string>

namespace pith {

struct StoryPerson {
  const char* name;
  bool female;
};

enum class ThemeKind { kFood, kToy, kTrade };

// Things that somebody owns. kTrade: `owner` makes and sells them.
struct StoryTheme {
  const char* items;       // "apples"
  const char* containers;  // "baskets"
  const char* first;       // "red"
  const char* second;      // "green"
  const char* makes;       // "picks"
  ThemeKind kind;
  const char* owner;       // "the farmer"; null: a person with a name
};

// People in a place.
struct StoryPlace {
  const char* items;   // "passengers"
  const char* where;   // "on the bus"
  const char* arrive;  // "get on"
  const char* leave;   // "get off"
  const char* groups;  // "rows": {k} rows with {n} passengers each
};

// Something that is done piece by piece.
struct StoryActivity {
  const char* items;    // "pages"
  const char* base;     // "read"
  const char* third;    // "reads"
  const char* done;     // "read" (participle)
  const char* goal;     // "{P}'s book has {n} pages"
  const char* more;     // "{P} still has {v} pages to read", as frame: result
  const char* more_aim;
};

std::span<const StoryPerson> StoryPeople();
std::span<const StoryTheme> StoryThemes();
std::span<const StoryPlace> StoryPlaces();
std::span<const StoryActivity> StoryActivities();

}  // namespace pith
