// Every limit of the system in one place, related to each other by static_assert.
// All sizes are in bytes unless the name says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::limits {

inline constexpr std::size_t key_bytes_max = 64 * 1024;
inline constexpr std::size_t value_bytes_max = 512ull << 20;
/// A value above this is stored as parts of at most this size plus a head.
inline constexpr std::size_t part_bytes_max = 1 << 20;
/// Parts of a large value on their way to one client beyond what its socket took.
inline constexpr std::uint32_t streamed_parts_ahead = 4;
/// The same in bytes at most: what a reply that is streamed costs in memory.
inline constexpr std::size_t streamed_bytes_ahead = 8 << 20;
/// Redis' element of a key (vector sets later).
inline constexpr std::size_t member_bytes_max = 64 * 1024;

/// One record as it stands in a message or frame, header included.
inline constexpr std::size_t record_bytes_max = 2 << 20;
/// One commit frame, header and padding included; also the largest message on any queue or link.
inline constexpr std::size_t frame_bytes_max = 4 << 20;
/// A frame is closed by size when its payload passes this at level `memory`.
inline constexpr std::size_t memory_frame_bytes = 256 * 1024;
inline constexpr std::uint32_t memory_frame_age_ms = 100;

inline constexpr std::uint64_t segment_bytes_min = 8ull << 20;
inline constexpr std::uint64_t segment_bytes_default = 64ull << 20;
inline constexpr std::uint64_t segment_bytes_max = 1ull << 30;
/// Segments kept back for deletes, compaction and configuration.
inline constexpr std::uint32_t reserved_segments = 2;
/// Segments per shard the manifest may list.
inline constexpr std::uint32_t segments_max = 1 << 20;
inline constexpr std::uint32_t epochs_max = 1 << 16;

inline constexpr std::uint32_t hash_slots = 16384;
inline constexpr std::uint32_t shards_max = 256;
inline constexpr std::uint32_t reactors_max = 64;

// RESP (reference: Redis 7.0 limits and its security history).
inline constexpr std::size_t query_buffer_bytes = 64 << 20;  ///< beside the bulk being read
inline constexpr std::size_t inline_bytes = 64 * 1024;
inline constexpr std::uint32_t arguments_max = 1 << 20;
/// Unread replies at which no further command of a client is run.
inline constexpr std::size_t output_bytes_pause = 8 << 20;
/// Replies under way to a client at which no further command of it is run, values that may come
/// counted as if they came.
inline constexpr std::size_t replies_under_way_bytes = 64 << 20;
/// The reply to one command, or to EXEC; a larger one is refused. What is streamed does not count.
inline constexpr std::size_t reply_bytes_max = 160 << 20;
/// What a streamed value counts for in its reply: about what the list of its parts takes.
inline constexpr std::size_t streamed_reply_bytes = 16 * 1024;
/// Unread replies at which a client is closed.
inline constexpr std::size_t output_bytes_max = 256ull << 20;
/// What one client can make the node hold: the largest value as it comes in and under way, and
/// replies.
inline constexpr std::size_t client_bytes_max = 2 * value_bytes_max + output_bytes_max;
inline constexpr std::uint32_t unauthenticated_arguments = 10;
inline constexpr std::size_t unauthenticated_bulk_bytes = 16 * 1024;
/// A whole command before AUTH, framing included, and what is read ahead of running it.
inline constexpr std::size_t unauthenticated_command_bytes = 16 * 1024;
inline constexpr std::size_t unauthenticated_input_bytes = 2 * unauthenticated_command_bytes;
/// Replies not read by a client before AUTH at which no further command of it is run.
inline constexpr std::size_t unauthenticated_output_bytes = 64 * 1024;
/// Commands refused for want of AUTH, and wrong passwords, after which a client is closed.
inline constexpr std::uint32_t unauthenticated_refusals = 64;
inline constexpr std::uint32_t wrong_passwords = 8;
/// How long a client is not listened to after its first wrong password; doubles with each.
inline constexpr std::uint64_t wrong_password_pause_us = 50'000;
inline constexpr std::uint32_t clients_max = 10000;
/// Segments that the reader of one shard's cold values keeps open.
inline constexpr std::size_t reader_files_max = 64;
/// Range of the bound over what all clients together make a node hold.
inline constexpr std::uint64_t client_memory_bytes_min = 1 << 20;
inline constexpr std::uint64_t client_memory_bytes_max = 1ull << 50;

// Links between nodes (replication/PROTOCOL.md). Frames are counted with their header.
inline constexpr std::size_t link_header_bytes = 16;
/// The largest message and its header: a full commit frame and the fields beside it.
inline constexpr std::size_t link_frame_bytes_max = frame_bytes_max + 64 * 1024 + link_header_bytes;
/// Any frame before the proof, and all that is held of an unproved peer's bytes.
inline constexpr std::size_t link_hello_bytes_max = 4 * 1024;
/// Received from a proved peer at once when no larger frame is on its way.
inline constexpr std::size_t link_read_bytes = 64 * 1024;
/// Unsent frames at which a shard may add only the first of its own.
inline constexpr std::size_t link_output_bytes_max = 16 << 20;
/// What a follower has to let a leader send beyond what it answered for, per shard.
inline constexpr std::size_t link_window_bytes_min = link_frame_bytes_max;
inline constexpr std::uint32_t link_unproved_max = 64;
/// Open links of a node, consoles counted.
inline constexpr std::uint32_t links_max = 64;
/// A command of a console, and how many of one console may be under way.
inline constexpr std::size_t console_request_bytes_max = 64 * 1024;
inline constexpr std::uint32_t console_requests_max = 16;
inline constexpr std::uint32_t link_proof_deadline_ms = 5'000;
inline constexpr std::uint32_t link_heartbeat_ms = 1'000;
inline constexpr std::uint32_t link_silence_ms = 5'000;
/// How long a closed link tries to send why.
inline constexpr std::uint32_t link_farewell_ms = 1'000;

static_assert(part_bytes_max + key_bytes_max + member_bytes_max + 256 <= record_bytes_max);
static_assert(2 * record_bytes_max <= frame_bytes_max);
static_assert(streamed_parts_ahead * record_bytes_max <= streamed_bytes_ahead);
static_assert(output_bytes_pause + replies_under_way_bytes + reply_bytes_max < output_bytes_max);
static_assert(frame_bytes_max <= segment_bytes_min / 2);
static_assert(frame_bytes_max < (1u << 29) - 1, "Cap'n Proto's Data ends at 2^29 - 1 bytes");
static_assert(segment_bytes_max <= UINT32_MAX, "record locations hold 32-bit offsets");
static_assert(link_hello_bytes_max <= link_read_bytes && link_read_bytes <= link_frame_bytes_max);
static_assert(link_frame_bytes_max <= UINT32_MAX, "the length of a frame on a link has 32 bits");
static_assert(link_output_bytes_max >= link_frame_bytes_max);
static_assert(link_window_bytes_min >= link_frame_bytes_max, "a window always admits one frame");
static_assert(shards_max < UINT16_MAX, "a frame on a link names its shard, or none, in 16 bits");
static_assert(link_unproved_max * link_hello_bytes_max <= 1 << 20);
static_assert(3 * link_heartbeat_ms <= link_silence_ms, "a late heartbeat or two is no silence");

}  // namespace troupe::limits
