// Rows of the (5, n) tensor that the forward op saves of one direction.
#pragma once

namespace ctk {

enum Saved { kTop, kLogMass, kWeight, kPull, kSpread, kSaved };

}  // namespace ctk
