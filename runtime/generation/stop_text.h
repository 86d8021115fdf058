// Texts of the caller's that end a response where they appear.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pith {

class StopText {
 public:
  explicit StopText(const std::vector<std::string>* stops) : stops_(stops) {}

  // The response goes on with `bytes`. True when one of the texts stands in it now: the one that begins first, then the longest.
  bool Append(std::string_view bytes);
  // The same where it may not end yet: what stands in it by now ends nothing, now or later; what has only begun may.
  void Skip(std::string_view bytes);
  void Break() { tail_.clear(); }  // no text reaches over what comes here
  size_t cut_bytes() const { return cut_; }  // bytes at the end of the response from where that text begins
  int found() const { return found_; }       // its index; −1: none
  // How many bytes at the end may be the beginning of one of the texts: not to be shown yet.
  size_t Held() const;

 private:
  void Forget();

  const std::vector<std::string>* stops_;
  std::string tail_;
  size_t cut_ = 0;
  int found_ = -1;
};

}  // namespace pith
