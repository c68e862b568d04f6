// The rules by which commands are sliced: those that name their keys, and KEYS.
#include "actors/resp/sliced_command.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <string>
#include <utility>

#include "actors/resp/error_texts.hpp"
#include "actors/resp/handler_replies.hpp"
#include "actors/resp/multi_shard_rules.hpp"
#include "actors/resp/number_parsing.hpp"
#include "actors/resp/piece_commands.hpp"
#include "actors/resp/scan_commands.hpp"
#include "storage/base/ensure.hpp"
#include "storage/base/hash_slot.hpp"
#include "storage/base/limits.hpp"

namespace troupe::resp {
namespace {

/// Pairs of MSET measured in one turn.
constexpr std::size_t measured_per_turn = 4096;
/// Cursors of a walk are below this.
constexpr double cursor_end = static_cast<double>(std::uint64_t{1} << 40);

/// DEL and its kin, MGET, MSET.
class keyed_slices final : public sliced_command {
 public:
  keyed_slices(const command_spec& spec, arguments argv, std::uint32_t shard_count,
               protocol version)
      : spec_(spec), argv_(argv), shard_count_(shard_count), version_(version) {
    const key_positions keys = keys_of(spec, argv.size());
    next_word_ = keys.first;
    step_ = keys.step;
    if (spec.split == split_rule::pairs) {
      measured_ = keys.first;
      room_bytes_.resize(shard_count);
    }
    if (gathers()) reply_writer(body_.bytes, version_).array(argv.size() - keys.first);
  }

  std::optional<slice_piece> next() override {
    if (pending_.empty()) cut();
    if (pending_.empty()) return std::nullopt;
    slice_piece piece = std::move(pending_.front());
    pending_.pop_front();
    return piece;
  }

  void take(std::uint64_t number, streamed_reply reply) override {
    slice& of = slices_[number / shard_count_ - first_slice_];
    if (reply_reader(reply.bytes).is_error() && error_.empty()) {
      error_ = std::move(reply.bytes);
      drop_body();
    }
    of.replies[number % shard_count_] = std::move(reply);
    --of.awaited;
    while (!slices_.empty() && slices_.front().awaited == 0) {
      join(slices_.front());
      keys_under_way_ -= slices_.front().keys;
      bytes_under_way_ -= slices_.front().bytes;
      slices_.pop_front();
      ++first_slice_;
    }
  }

  bool wants_turn() const noexcept override { return measured_ < argv_.size(); }

  void take_turn() override {
    const std::size_t end = std::min(argv_.size(), measured_ + measured_per_turn * step_);
    for (; measured_ < end; measured_ += step_) {
      room_bytes_[shard_of(argv_[measured_], shard_count_).value] +=
          write_bytes_estimate(argv_.subspan(measured_, step_)) + record_overhead_bytes;
    }
    if (!wants_turn()) ask_for_room();
  }

  void abandon() override {
    abandoned_ = true;
    drop_body();
  }

  bool is_done() const noexcept override {
    return !wants_turn() && slices_.empty() && (ends_early() || next_word_ >= argv_.size());
  }

  streamed_reply take_reply() override {
    reply_writer out(body_.bytes, version_);
    if (!error_.empty()) {
      out.encoded(error_);
    } else if (spec_.split == split_rule::sum) {
      out.integer(sum_);
    } else if (spec_.split == split_rule::pairs) {
      out.ok();
    }
    return std::move(body_);
  }

  std::vector<stream_source> take_dropped_streams() override { return std::exchange(dropped_, {}); }

  std::size_t memory_bytes() const noexcept override { return body_.bytes.capacity(); }

 private:
  /// Keys that stand side by side, on their way in at most one piece for each shard.
  struct slice {
    std::vector<streamed_reply> replies;  // by piece
    std::vector<std::uint32_t> piece_of_key;
    std::size_t awaited = 0;
    std::size_t keys = 0;
    std::size_t bytes = 0;
  };

  [[nodiscard]] bool gathers() const noexcept { return spec_.split == split_rule::gather; }
  [[nodiscard]] bool ends_early() const noexcept {
    return !error_.empty() || (abandoned_ && !spec_.is_write());
  }

  [[nodiscard]] bool window_is_open() const noexcept {
    if (slices_.empty()) return true;
    // Until all shards have room for MSET (invariant 3); of MGET, until it is known what values are
    // about (invariant 2).
    if (asks_for_room_ || (gathers() && first_slice_ == 0)) return false;
    return keys_under_way_ + slice_keys <= window_keys && bytes_under_way_ < window_bytes &&
           (keys_under_way_ + slice_keys) * reply_bytes_per_key_ <= limits::replies_under_way_bytes;
  }

  /// The next slice, if it may go.
  void cut() {
    if (wants_turn() || ends_early() || next_word_ >= argv_.size() || !window_is_open()) return;
    asks_for_room_ = false;
    constexpr auto none = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::uint32_t> piece_of_shard(shard_count_, none);
    slice& made = slices_.emplace_back();
    while (next_word_ < argv_.size() && made.keys < slice_keys && made.bytes < slice_bytes) {
      const shard_id shard = shard_of(argv_[next_word_], shard_count_);
      std::uint32_t& index = piece_of_shard[shard.value];
      if (index == none) index = add_piece(shard, spec_, argv_[0]);
      for (const std::string_view word : argv_.subspan(next_word_, step_)) {
        pending_[index].argv.push_back(word);
        made.bytes += word.size();
      }
      made.piece_of_key.push_back(index);
      ++made.keys;
      next_word_ += step_;
    }
    // Several pieces are put together word by word, which translates them.
    if (made.replies.size() == 1) pending_.front().version = version_;
    keys_under_way_ += made.keys;
    bytes_under_way_ += made.bytes;
  }

  std::uint32_t add_piece(shard_id shard, const command_spec& spec, std::string_view name) {
    slice& of = slices_.back();
    const auto index = static_cast<std::uint32_t>(of.replies.size());
    const std::uint64_t number = (first_slice_ + slices_.size() - 1) * shard_count_ + index;
    pending_.push_back({shard, &spec, {name}, piece_protocol, number});
    of.replies.emplace_back();
    ++of.awaited;
    return index;
  }

  void ask_for_room() {
    slices_.emplace_back();
    asks_for_room_ = true;
    room_texts_.reserve(shard_count_);  // the pieces have views of them
    for (std::uint32_t shard = 0; shard < shard_count_; ++shard) {
      if (room_bytes_[shard] == 0) continue;
      room_texts_.push_back(std::to_string(room_bytes_[shard]));
      const std::uint32_t index = add_piece({shard}, check_room, check_room.name);
      pending_[index].argv.push_back(room_texts_.back());
    }
  }

  void join(slice& of) {
    if (!error_.empty() || abandoned_) {
      for (const streamed_reply& reply : of.replies) drop_streams(reply);
    } else if (spec_.split == split_rule::sum) {
      for (const streamed_reply& reply : of.replies) sum_ += reply_reader(reply.bytes).integer();
    } else if (gathers()) {
      gather(of);
    }
  }

  void gather(slice& of) {
    std::size_t bytes = 0;
    for (const streamed_reply& reply : of.replies) bytes += bytes_of(reply);
    reply_bytes_per_key_ = std::max(reply_bytes_per_key_, bytes / of.keys);
    if (bytes_of(body_) + bytes > limits::reply_bytes_max) {
      reply_writer(error_, version_).error(error_texts::reply_too_large);
      drop_body();
      return join(of);
    }
    // As much as the whole is going to take, by the first slice: growing would copy all of it.
    if (first_slice_ == 0) {
      const std::size_t expected = bytes * (argv_.size() / of.keys + 1);
      body_.bytes.reserve(std::min(expected + expected / 8, limits::reply_bytes_max));
    }
    if (of.replies.size() == 1) return append_elements(of.replies.front());
    std::vector<element_reader> readers;
    for (const streamed_reply& reply : of.replies) readers.emplace_back(reply);
    reply_writer out(body_.bytes, version_);
    for (const std::uint32_t index : of.piece_of_key) readers[index].pass_on(body_, out);
  }

  void append_elements(const streamed_reply& of) {
    reply_reader reader(of.bytes);
    ENSURE(reader.array_header().has_value());
    const std::size_t header = of.bytes.size() - reader.rest().size();
    for (const stream_mark& mark : of.marks) {
      body_.marks.push_back({body_.bytes.size() + mark.at - header, mark.source});
    }
    body_.bytes += reader.rest();
  }

  static std::size_t bytes_of(const streamed_reply& reply) noexcept {
    return reply.bytes.size() + reply.marks.size() * limits::streamed_reply_bytes;
  }
  void drop_streams(const streamed_reply& of) {
    for (const stream_mark& mark : of.marks) dropped_.push_back(mark.source);
  }
  void drop_body() {
    drop_streams(body_);
    body_ = {};
  }

  const command_spec& spec_;
  arguments argv_;
  std::uint32_t shard_count_;
  protocol version_;
  std::size_t next_word_ = 0;  // of the next slice
  std::size_t step_ = 1;
  std::deque<slice_piece> pending_;  // of the newest slice, not handed out
  std::deque<slice> slices_;         // not joined
  std::uint64_t first_slice_ = 0;    // number of slices_.front()
  std::size_t keys_under_way_ = 0;
  std::size_t bytes_under_way_ = 0;
  std::size_t reply_bytes_per_key_ = 0;  // of the slice with the largest values so far
  std::size_t measured_ = SIZE_MAX;      // first word of MSET that was not measured
  std::vector<std::uint64_t> room_bytes_;
  std::vector<std::string> room_texts_;
  bool asks_for_room_ = false;
  bool abandoned_ = false;
  std::string error_;
  std::int64_t sum_ = 0;
  streamed_reply body_;
  std::vector<stream_source> dropped_;
};

/// KEYS: shard by shard, step by step. No key is listed twice, because a paused shard puts none
/// into its index and frees none.
class keys_walk final : public sliced_command {
 public:
  keys_walk(arguments argv, std::uint32_t shard_count)
      : pattern_(argv[1]), shard_count_(shard_count) {}

  std::optional<slice_piece> next() override {
    if (under_way_ || is_done()) return std::nullopt;
    under_way_ = true;
    return slice_piece{shard_, &keys_step, {keys_step.name, cursor_, pattern_}, piece_protocol, 0};
  }

  void take(std::uint64_t, streamed_reply reply) override {
    under_way_ = false;
    reply_reader reader(reply.bytes);
    ENSURE(reader.array_header() == std::size_t{2});
    cursor_ = reader.bulk().value();
    const std::size_t count = reader.array_header().value();
    if (cursor_ == "0") ++shard_.value;
    if (abandoned_) return;
    count_ += count;
    if (body_.empty()) expect(reader.rest().size());
    body_ += reader.rest();
  }

  void abandon() override {
    abandoned_ = true;
    std::string().swap(body_);
  }

  bool is_done() const noexcept override {
    return !under_way_ && (abandoned_ || shard_.value == shard_count_);
  }

  streamed_reply take_reply() override {
    std::string header;
    reply_writer(header, piece_protocol).array(count_);
    body_.insert(0, header);
    return {std::move(body_), {}};
  }

  std::size_t memory_bytes() const noexcept override { return body_.capacity(); }

 private:
  /// Makes room for what all steps are going to reply, by the first: growing would copy all of it.
  void expect(std::size_t first_bytes) {
    const auto cursor = parse_integer(cursor_);
    if (!cursor || *cursor == 0) return;
    const double expected = static_cast<double>(first_bytes) * 1.125 * shard_count_ * cursor_end /
                            static_cast<double>(*cursor);
    constexpr auto most = static_cast<double>(limits::reply_bytes_max);
    body_.reserve(static_cast<std::size_t>(std::min(expected, most)));
  }

  std::string_view pattern_;
  std::uint32_t shard_count_;
  shard_id shard_{0};  // the one being walked
  std::string cursor_ = "0";
  bool under_way_ = false;
  bool abandoned_ = false;
  std::size_t count_ = 0;
  std::string body_;
};

}  // namespace

bool goes_in_slices(const command_spec& spec, std::size_t argument_count) noexcept {
  switch (spec.split) {
    case split_rule::none: return false;
    case split_rule::sum:
    case split_rule::gather: return argument_count > unsliced_words_max;
    case split_rule::pairs:
      // The handler refuses a key without a value.
      return argument_count > unsliced_words_max && argument_count % 2 == 1;
    case split_rule::special: return spec.handler == handle_keys;
  }
  return false;
}

std::unique_ptr<sliced_command> make_sliced_command(const command_spec& spec, arguments argv,
                                                    std::uint32_t shard_count, protocol version) {
  if (spec.handler == handle_keys) return std::make_unique<keys_walk>(argv, shard_count);
  return std::make_unique<keyed_slices>(spec, argv, shard_count, version);
}

}  // namespace troupe::resp
