// A directory of one's own that goes with the object, with all that is in it.
#pragma once
#include <filesystem>
#include <memory>
#include <string_view>

#include <quicsync/codec/error.hpp>

namespace quicsync::cli {

class temporary_directory {
 public:
  /// `what` is part of its name. Errors: io_failed.
  static result<std::unique_ptr<temporary_directory>> make(std::string_view what);
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit temporary_directory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace quicsync::cli
