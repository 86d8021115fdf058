// How much of files the system holds in memory: whether a program that maps them starts cold or warm.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pith {

// The share of their pages, 0 to 1. Nothing where the system does not say: Linux tells of a file only those whom it belongs to, or who may write it.
std::optional<double> ShareInMemory(const std::vector<std::string>& files);

}  // namespace pith
