// A text or a number on its way into a sentence. Streams would do as well, but bring half a megabyte of locales with them, and code to every place
// that reports something.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace pith {

class StrPiece {
 public:
  // A text, a character (of any sign), a number, a bool (0 or 1), an enumerator without a class. Texts have to outlive it.
  template <class T>
  explicit StrPiece(const T& value) {
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      const std::string_view text = value;
      kind_ = Kind::kText;
      text_ = text.data();
      size_ = text.size();
    } else if constexpr (std::is_same_v<T, char> || std::is_same_v<T, signed char> || std::is_same_v<T, unsigned char>) {
      kind_ = Kind::kCharacter;
      unsigned_ = static_cast<unsigned char>(value);
    } else if constexpr (std::is_floating_point_v<T>) {
      kind_ = Kind::kNumber;
      number_ = static_cast<double>(value);
    } else if constexpr (std::is_unsigned_v<T>) {
      kind_ = Kind::kUnsigned;
      unsigned_ = value;
    } else {
      kind_ = Kind::kSigned;
      const int64_t number = value;
      unsigned_ = static_cast<uint64_t>(number);
    }
  }

  void AppendTo(std::string* out) const;

 private:
  enum class Kind : uint8_t { kText, kCharacter, kSigned, kUnsigned, kNumber } kind_;
  union {
    const char* text_;
    uint64_t unsigned_;
    double number_;
  };
  size_t size_ = 0;
};

// Numbers are written alike whatever the program's locale: names of tensors, hashes and files are made of them. Six digits, as streams and "%g" have them.
std::string Joined(std::initializer_list<StrPiece> pieces);

}  // namespace pith
