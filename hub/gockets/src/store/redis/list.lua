-- Some of the channels, as JSON. Writes nothing. A channel that is there all the time is in one answer at least.
--
-- KEYS  1 channels, as in create.lua
-- ARGV  3 cursor, 0 to begin  4 about how many
-- Returns the next cursor, 0 at the end, and the channels.

local found = redis.call('HSCAN', KEYS[1], ARGV[3], 'COUNT', ARGV[4])
local channels = {}
for i = 2, #found[2], 2 do
  channels[#channels + 1] = found[2][i]
end
return { found[1], channels }
