// The JSON edge: text to pattern or record, and back. Nothing on the path between nodes comes here.
#pragma once
#include <string>
#include <string_view>

#include <quicsync/codec/error.hpp>
#include <quicsync/codec/pattern.hpp>
#include <quicsync/codec/record.hpp>

namespace quicsync {

/// Reads one JSON object with the fields of docs/WIRE.md, "pattern" (camelCase). Unknown fields are kept in `extra`.
/// Errors: bad_json, bad_field, missing_field, duplicate_field, too_large, too_deep, bad_utf8; the context names byte,
/// field and reason ("byte 17: version: must be an integer from 0 to 9007199254740991, got a string").
result<pattern> parse_pattern(std::string_view json);

/// Appends the pattern as one line of JSON without the newline; fields in the order of docs/WIRE.md, unknown ones last.
/// A tombstone prints as {"id":..,"agentId":..,"deleted":true,"timestamp":..,"version":..}.
void append_json(std::string& out, const pattern& value);

/// The same straight from a record, without the struct between. Errors: bad_record where the record's text or `data`
/// does not decode to JSON (nothing is appended then); a record that this node encoded always prints.
result<void> append_json(std::string& out, const record_view& record);

}  // namespace quicsync
