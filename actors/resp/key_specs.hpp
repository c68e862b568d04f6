// How commands use their keys, as COMMAND INFO and COMMAND GETKEYSANDFLAGS report it.
//
// Shared by the rows of the command table. Constant data, no owner.
#pragma once

#include "actors/resp/command_table.hpp"

namespace troupe::resp::rows {

inline constexpr key_spec ow_insert[] = {{1, 0, 1, "OW insert"}};
inline constexpr key_spec ow_insert_pairs[] = {{1, -1, 2, "OW insert"}};
inline constexpr key_spec ow_update[] = {{1, 0, 1, "OW update"}};
inline constexpr key_spec ow_update_pairs[] = {{1, -1, 2, "OW update"}};
inline constexpr key_spec rm_delete_list[] = {{1, -1, 1, "RM delete"}};
inline constexpr key_spec ro[] = {{1, 0, 1, "RO"}};
inline constexpr key_spec ro_access[] = {{1, 0, 1, "RO access"}};
inline constexpr key_spec ro_access_list[] = {{1, -1, 1, "RO access"}};
inline constexpr key_spec ro_access_ow_update[] = {{1, 0, 1, "RO access"}, {2, 0, 1, "OW update"}};
inline constexpr key_spec ro_at_2[] = {{2, 0, 1, "RO"}};
inline constexpr key_spec ro_list[] = {{1, -1, 1, "RO"}};
inline constexpr key_spec rw_access_delete[] = {{1, 0, 1, "RW access delete"}};
inline constexpr key_spec rw_access_delete_ow_insert[] = {{1, 0, 1, "RW access delete"},
                                                          {2, 0, 1, "OW insert"}};
inline constexpr key_spec rw_access_delete_ow_update[] = {{1, 0, 1, "RW access delete"},
                                                          {2, 0, 1, "OW update"}};
inline constexpr key_spec rw_access_update[] = {{1, 0, 1, "RW access update"}};
inline constexpr key_spec rw_access_update_variable_flags[] = {
    {1, 0, 1, "RW access update variable_flags"}};
inline constexpr key_spec rw_insert[] = {{1, 0, 1, "RW insert"}};
inline constexpr key_spec rw_update[] = {{1, 0, 1, "RW update"}};

}  // namespace troupe::resp::rows
