// The passes between the products; included once for every instruction set.

namespace ctk::CTK_NAMESPACE {

// Rows [first, last) of a tile: folds each row's logits into what is known of its softmax. Maxima are kept in a way that
// lets NaN through to the mass.
static void gather_rows(const Tile& tile, const Side& rows, const int32_t* column_classes, int64_t first,
                        int64_t last) {
  for (int64_t row = first; row < last; ++row) {
    const float* line = tile.products + row * tile.stride;
    const int64_t place = tile.row + row;
    Floats top = splat(-INFINITY), all = {}, positive = {};
    Ints count = {};
    for (int64_t column = 0; column < tile.columns; column += kLanes) {
      const int64_t rest = tile.columns - column;
      const Ints valid = first_lanes(rest);
      const Floats x = load_some(line + column, rest);
      const Ints same = (load_some(column_classes + tile.column + column, rest) == rows.classes[place]) & valid;
      top = max(top, where(valid, x * tile.scale, splat(-INFINITY)));
      all += x;
      positive += (Floats)((Ints)x & same);
      count -= same;
    }
    const float before = rows.top[place];
    const float now = highest(top) <= before ? before : highest(top);
    Floats mass = {};
    for (int64_t column = 0; column < tile.columns; column += kLanes) {
      const int64_t rest = tile.columns - column;
      const Floats logit = load_some(line + column, rest) * tile.scale;
      mass += where(first_lanes(rest), exp(logit - now), Floats{});
    }
    const double kept = before == -INFINITY ? 0 : rows.mass[place] * std::exp(double(before) - double(now));
    rows.mass[place] = kept + sum(mass);
    rows.top[place] = now;
    rows.all[place] += sum(all);
    rows.positive[place] += sum(positive);
    rows.count[place] += sum(count);
  }
}

// The same of columns [first, last), a vector of them at a time down the rows.
static void gather_columns(const Tile& tile, const int32_t* row_classes, const Side& columns, int64_t first,
                           int64_t last) {
  constexpr int64_t kBand = 16;  // rows between two rescalings of the mass
  for (int64_t column = first; column < last; column += kLanes) {
    const int64_t rest = last - column, place = tile.column + column;
    const Ints own = load_some(columns.classes + place, rest);
    const Floats before = load_some(columns.top + place, rest);
    Floats top = before, mass = {}, all = {}, positive = {};
    Ints count = {};
    for (int64_t start = 0; start < tile.rows; start += kBand) {
      const int64_t stop = start + kBand < tile.rows ? start + kBand : tile.rows;
      Floats band[kBand];
      Floats higher = top;
      for (int64_t row = start; row < stop; ++row) {
        const Floats x = load_some(tile.products + row * tile.stride + column, rest);
        const Ints same = own == row_classes[tile.row + row];
        const Floats logit = x * tile.scale;
        band[row - start] = logit;
        higher = max(higher, logit);
        all += x;
        positive += (Floats)((Ints)x & same);
        count -= same;
      }
      // There is no mass yet where the maximum is still -inf, and -inf - -inf would make it NaN.
      mass = where(top == -INFINITY, Floats{}, mass * exp(top - higher));
      top = higher;
      for (int64_t row = start; row < stop; ++row) mass += exp(band[row - start] - top);
    }
    for (int64_t lane = 0; lane < (rest < kLanes ? rest : kLanes); ++lane) {
      const int64_t at = place + lane;
      const double shift = double(before[lane]) - double(top[lane]);
      columns.mass[at] = (before[lane] == -INFINITY ? 0 : columns.mass[at] * std::exp(shift)) + mass[lane];
      columns.top[at] = top[lane];
      columns.all[at] += all[lane];
      columns.positive[at] += positive[lane];
      columns.count[at] += count[lane];
    }
  }
}

// Rows [first, last): writes d loss / d product to `out` (of the tile's stride; may be the tile itself) and returns the
// sum of d loss / d logit x product, this part's gradient of the scale. Without `both` only rows have a softmax.
static double differentiate(const Tile& tile, const Slope& rows, const Slope& columns, bool both, float* out,
                            int64_t first, int64_t last) {
  double of_scale = 0;
  for (int64_t row = first; row < last; ++row) {
    const float* line = tile.products + row * tile.stride;
    float* to = out + row * tile.stride;
    const int64_t place = tile.row + row;
    Floats of_row = {};
    for (int64_t column = 0; column < tile.columns; column += kLanes) {
      const int64_t rest = tile.columns - column, at = tile.column + column;
      const Floats x = load_some(line + column, rest);
      const Floats logit = x * tile.scale;
      const Ints same = load_some(columns.classes + at, rest) == rows.classes[place];
      Floats slope = exp((logit - rows.top[place]) - rows.log_mass[place]) * rows.weight[place] - rows.spread[place];
      Floats pull = splat(rows.pull[place]);
      if (both) {
        const Floats share = exp((logit - load_some(columns.top + at, rest)) - load_some(columns.log_mass + at, rest));
        slope += share * load_some(columns.weight + at, rest) - load_some(columns.spread + at, rest);
        pull += load_some(columns.pull + at, rest);
      }
      slope -= (Floats)((Ints)pull & same);
      of_row += slope * x;  // lanes past the last have x = 0; a NaN among them would come from a NaN row anyway
      store_some(to + column, slope * tile.scale, rest);
    }
    of_scale += sum(of_row);
  }
  return of_scale;
}

}  // namespace ctk::CTK_NAMESPACE
