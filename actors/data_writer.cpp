#include "actors/data_writer.hpp"

#include "actors/failure_codec.hpp"
#include "actors/runtime/pinned_actor.hpp"

namespace troupe::actors {

namespace {

class data_writer_state {
 public:
  static constexpr const char* name = "data_writer";

  data_writer_state(data_writer_actor::pointer, io::file_system* files, log::segment_order pattern)
      : files_(*files), order_(std::move(pattern)) {}

  data_writer_actor::behavior_type make_behavior() {
    return {[this](const envelope<schemas::MakeSegmentFile>& request) { return make(request); }};
  }

 private:
  envelope<schemas::SegmentFile> make(const envelope<schemas::MakeSegmentFile>& request) {
    const envelope<schemas::MakeSegmentFile>::reader wanted(request);
    order_.header.use = {wanted->getUse()};
    order_.recycled.reset();
    if (wanted->getRecycled() != 0) order_.recycled = use_id{wanted->getRecycled()};
    const auto made = log::make_segment_file(files_, order_);
    envelope<schemas::SegmentFile>::builder answer;
    if (made) {
      answer->setMade();
    } else {
      encode(made.error(), answer->initFailed());
    }
    return answer.finish();
  }

  io::file_system& files_;
  log::segment_order order_;
};

}  // namespace

data_writer_actor spawn_data_writer(caf::actor_system& system, io::file_system& files,
                                    const log::segment_order& pattern) {
  return runtime::spawn_detached<data_writer_state, data_writer_actor>(system, &files, pattern);
}

}  // namespace troupe::actors
