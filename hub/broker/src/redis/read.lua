-- A page of the history.
--
-- KEYS  1 meta  2 log
-- ARGV  6 messages at most  7 how long they are kept, ms  8 epoch and 9 offset since when, or empty
--       10 '1' when who asks has seen that message itself  11 another epoch to begin with
-- Returns epoch, offset of the last message of all, 1 when nothing is missing since then or 0, 1 when the topic of that
-- epoch was deleted or 0, and offset, kind and payload of each message.

local epoch, offset, line = open(KEYS[1])
local count = tonumber(ARGV[6])
local removed, complete, since = 0, 1, nil

if ARGV[8] ~= '' then
  since = tonumber(ARGV[9])
  local shared = common(epoch, line, ARGV[8])
  if shared and since > shared and ARGV[10] == '1' then
    -- A message that was there is not. All begin anew.
    epoch, shared = ARGV[11], nil
    redis.call('HSET', KEYS[1], 'epoch', epoch, 'line', '')
    -- What is still there has been seen by most.
    redis.call('DEL', KEYS[2])
    tell('e')
  end
  if not shared then
    for gone in string.gmatch(redis.call('HGET', KEYS[1], 'gone') or '', '%w+') do
      if gone == ARGV[8] then
        removed = 1
      end
    end
  end
  if not shared or since > shared or since > offset then
    since, complete = nil, 0
  end
end

trim(KEYS[2], now - tonumber(ARGV[7]))
local entries = {}
if since then
  local first = number(since + 1) .. '-0'
  entries = redis.call('XRANGE', KEYS[2], first, '+', 'COUNT', math.max(count, 1))
  if since < offset and (not entries[1] or entries[1][1] ~= first) then
    complete = 0
  end
elseif complete == 0 then
  entries = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', math.max(count, 1))
elseif count > 0 then
  local latest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', count)
  for i = #latest, 1, -1 do
    entries[#entries + 1] = latest[i]
  end
end

local page = {}
for i = 1, math.min(count, #entries) do
  local entry = entries[i]
  page[#page + 1] = string.match(entry[1], '^%d+')
  page[#page + 1] = entry[2][4]
  page[#page + 1] = entry[2][6]
end
return { epoch, number(offset), complete, removed, page }
