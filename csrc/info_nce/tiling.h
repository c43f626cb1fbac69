// The tiles of a B x K matrix, in the order that both directions of the loss go through them.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ctk {

struct Tiling {
  int64_t rows, columns;            // of the matrix
  int64_t tile_rows, tile_columns;  // at most

  int64_t count() const {
    return ((rows + tile_rows - 1) / tile_rows) * ((columns + tile_columns - 1) / tile_columns);
  }

  // visit(number, row, rows, column, columns)
  template <class Visit>
  void each(const Visit& visit) const {
    int64_t number = 0;
    for (int64_t row = 0; row < rows; row += tile_rows)
      for (int64_t column = 0; column < columns; column += tile_columns)
        visit(number++, row, std::min(tile_rows, rows - row), column, std::min(tile_columns, columns - column));
  }
};

}  // namespace ctk
