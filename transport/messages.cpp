// Compiles what CAF instantiates around the messages of this room.
#define QUICSYNC_COMPILES_MESSAGES
#include <quicsync/transport/messages.hpp>
