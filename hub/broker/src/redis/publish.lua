-- Gives a message its place, keeps it, and tells all.
--
-- KEYS  1 meta  2 log  3 nodes
-- ARGV  6 node  7 messages to keep  8 how long, ms  9 kind  10 payload
-- Returns epoch, offset, subscribers of other nodes.

local epoch, offset, _, retired = open(KEYS[1])
offset = offset + 1
local place = number(offset)
redis.call('HSET', KEYS[1], 'offset', place)

local count, age = tonumber(ARGV[7]), tonumber(ARGV[8])
if count > 0 and not retired then
  redis.call('XADD', KEYS[2], 'MAXLEN', count, place .. '-0', 't', number(now), 'k', ARGV[9], 'p', ARGV[10])
  redis.call('PEXPIRE', KEYS[2], age)
  -- The oldest is looked at when it may be a twentieth too old, so not with every message. Readers look themselves.
  local looked = tonumber(redis.call('HGET', KEYS[1], 'oldest') or 0)
  if now - looked > age * 1.05 then
    local first = trim(KEYS[2], now - age)
    redis.call('HSET', KEYS[1], 'oldest', first[2][2])
  end
end

tell('m ' .. epoch .. ' ' .. place .. ' ' .. ARGV[9] .. '\n' .. ARGV[10])
return { epoch, place, others(KEYS[3], ARGV[6]) }
