// What the passes know of a tile, of both directions' softmax, and of its slope.
#pragma once

#include <cstdint>

namespace ctk {

// Products query . key of some rows and columns, in memory `stride` apart.
struct Tile {
  const float* products;
  int64_t stride;
  int64_t row, rows;        // queries [row, row + rows)
  int64_t column, columns;  // keys [column, column + columns)
  float scale;
};

// One direction's softmax while tiles come in: an entry for each query, or each key. Equal classes are positives.
struct Side {
  const int32_t* classes;
  float* top;        // highest logit so far
  double* mass;      // sum of e^(logit - top)
  double* all;       // sum of products
  double* positive;  // sum of the positives' products
  int64_t* count;    // positives
};

// One direction's part in d loss / d logit = weight e^(logit - top - log_mass) - spread - [positive] pull.
struct Slope {
  const int32_t* classes;
  const float *top, *log_mass, *weight, *pull, *spread;
};

}  // namespace ctk
