#include <iostream>

#include <quicsync/codec/error.hpp>

int main() {
  quicsync::error none{quicsync::errc::not_found, ""};
  std::cout << "linked against quicsync: " << quicsync::to_string(none) << '\n';
}
