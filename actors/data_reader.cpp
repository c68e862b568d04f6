#include "actors/data_reader.hpp"

#include <fmt/format.h>

#include <deque>
#include <memory>
#include <utility>

#include "actors/failure_codec.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "storage/log/read_record.hpp"
#include "storage/log/segment_format.hpp"

namespace troupe::actors {

namespace {

class data_reader_state {
 public:
  static constexpr const char* name = "data_reader";

  data_reader_state(data_reader_actor::pointer self, io::file_system* files, shard_id shard,
                    std::string directory)
      : self_(self), files_(*files), seed_(shard), directory_(std::move(directory)) {}

  data_reader_actor::behavior_type make_behavior() {
    return {
        [this](const envelope<schemas::Attach>&, const disk_client& shard) { shard_ = shard; },
        [this](const envelope<schemas::ReadRecord>& request) { answer(request); },
    };
  }

 private:
  struct open_file {
    use_id use;
    std::unique_ptr<io::file> file;
  };

  void answer(const envelope<schemas::ReadRecord>& request) {
    const envelope<schemas::ReadRecord>::reader wanted(request);
    const auto record =
        read({wanted->getUse()}, {wanted->getSegment(), wanted->getOffset()}, wanted->getSize());
    auto reply = envelope<schemas::RecordRead>::builder::with_blob(record ? buffer_.size() : 0);
    reply->setTicket(wanted->getTicket());
    if (record) {
      reply->setRecord(schemas::data(buffer_));
    } else {
      encode(record.error(), reply->initFailed());
    }
    self_->send(shard_, reply.finish());
  }

  /// Leaves the verified record in buffer_.
  result<void> read(use_id use, log::position where, std::uint32_t size) {
    if (size > limits::record_bytes_max) {
      return failure{errc::refused, fmt::format("a record of {} bytes is above the limit", size)};
    }
    const auto path = log::segment_path(directory_, use);
    TRY(auto* file, file_of(use, path));
    const auto record = log::read_record(*file, where, size, seed_, buffer_);
    if (!record) return record.error().in(path);
    return {};
  }

  result<io::file*> file_of(use_id use, const std::string& path) {
    for (auto& open : open_) {
      if (open.use == use) return open.file.get();
    }
    TRY(auto file, files_.open(path, io::access::read));
    if (open_.size() == limits::reader_files_max) open_.pop_front();
    open_.push_back({use, std::move(file)});
    return open_.back().file.get();
  }

  data_reader_actor::pointer self_;
  io::file_system& files_;
  log::record_seed seed_;
  std::string directory_;
  disk_client shard_;
  std::deque<open_file> open_;
  std::string buffer_;
};

}  // namespace

data_reader_actor spawn_data_reader(caf::actor_system& system, io::file_system& files,
                                    shard_id shard, const std::string& directory) {
  return runtime::spawn_detached<data_reader_state, data_reader_actor>(system, &files, shard,
                                                                       directory);
}

}  // namespace troupe::actors
