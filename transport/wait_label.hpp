// What an actor or an agent waits for, in words. A constant that everybody may point to.
#pragma once

namespace quicsync {

struct wait_label {
  const char* what = "";
  const char* type = nullptr;  ///< of the message that the words speak of: std::type_info::name(); null: of none
};

}  // namespace quicsync
