// CRC-16/XMODEM four bytes at a time: tables[n][b] is the checksum of byte b followed by n zero
// bytes, so the contributions of four bytes are independent look-ups.
#include "storage/base/hash_slot.hpp"

#include <array>
#include <cstddef>

namespace troupe {
namespace {

using crc16_table = std::array<std::uint16_t, 256>;

constexpr std::uint16_t shift_in_zero_bit(std::uint16_t crc) {
  const std::uint32_t shifted = static_cast<std::uint32_t>(crc) << 1;
  return static_cast<std::uint16_t>((crc & 0x8000) != 0 ? shifted ^ 0x1021 : shifted);
}

constexpr std::array<crc16_table, 4> make_tables() {
  std::array<crc16_table, 4> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    auto crc = static_cast<std::uint16_t>(byte << 8);
    for (auto& table : tables) {
      for (int bit = 0; bit < 8; ++bit) crc = shift_in_zero_bit(crc);
      table[byte] = crc;
    }
  }
  return tables;
}

constexpr auto tables = make_tables();

std::uint32_t byte_at(std::string_view bytes, std::size_t index) noexcept {
  return static_cast<unsigned char>(bytes[index]);
}

}  // namespace

std::uint16_t crc16(std::string_view bytes) noexcept {
  std::uint32_t crc = 0;
  std::size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    crc = static_cast<std::uint32_t>(tables[3][byte_at(bytes, at) ^ (crc >> 8)]) ^
          tables[2][byte_at(bytes, at + 1) ^ (crc & 0xff)] ^ tables[1][byte_at(bytes, at + 2)] ^
          tables[0][byte_at(bytes, at + 3)];
  }
  for (; at < bytes.size(); ++at) {
    crc = ((crc << 8) & 0xffff) ^ tables[0][(crc >> 8) ^ byte_at(bytes, at)];
  }
  return static_cast<std::uint16_t>(crc);
}

hash_slot hash_slot_of(std::string_view key) noexcept {
  const std::size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  return {static_cast<std::uint16_t>(crc16(key) % limits::hash_slots)};
}

}  // namespace troupe
