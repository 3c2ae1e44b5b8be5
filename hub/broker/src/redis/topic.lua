-- Comes before every other script.
--
-- A topic is these keys, which share a hash tag:
--   meta    hash: epoch; offset, of the last message; server, the identity of the one that wrote last; line, the epochs
--           before as `epoch:offset` separated by spaces, newest first; gone, the epochs of a deleted topic, likewise;
--           retired, when its name never comes again: whoever comes late keeps nothing of it
--   log     stream: id `offset-0`; t, ms; k, kind; p, payload
--   nodes   hash: node -> `subscribers until`, ms
--   info    hash: member -> what others are told of it
--   leases  sorted set: member by the time its lease ends, ms
--
-- Epochs. Data can go back in time: a replica that was promoted may lack the last messages, and a restart those that
-- were not on disk. So when another server, or another life of one, meets the topic, an epoch begins that has the
-- messages so far in common with the one before. Whoever was there up to that offset just goes on. Whoever had
-- more has seen what is lost now, and says so (`witness`): then an epoch begins that has nothing in common with any, so that
-- all learn of the loss, also those who never had what is lost.
--
-- ARGV  1 identity of this server  2 command that publishes  3 an epoch to begin with, if need be
--       4 how long to keep meta, ms  5 channel of the topic
-- Messages on the channel: `m epoch offset kind\n` and the payload; `e`, the epoch is another one; `x epoch offset`, the
-- topic was deleted and begins anew here; `j length id` and the info, one has come; `l length id` and the info, one has
-- gone.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function number(n)
  return string.format('%.0f', n)
end

local function tell(message)
  redis.call(ARGV[2], ARGV[5], message)
end

-- Returns epoch, offset and line as they are from now on, and whether the topic is retired.
local function open(meta)
  local was = redis.call('HMGET', meta, 'epoch', 'offset', 'server', 'line', 'retired')
  local epoch, offset, line = was[1], tonumber(was[2] or 0), was[4] or ''
  if not epoch then
    epoch, offset, line = ARGV[3], 0, ''
    redis.call('HSET', meta, 'epoch', epoch, 'offset', 0, 'server', ARGV[1], 'line', line)
  elseif was[3] ~= ARGV[1] then
    -- Eight are enough for all who were away for less than eight failovers.
    local kept = { epoch .. ':' .. number(offset) }
    for ancestor in string.gmatch(line, '%S+') do
      if #kept < 8 then
        kept[#kept + 1] = ancestor
      end
    end
    epoch, line = ARGV[3], table.concat(kept, ' ')
    redis.call('HSET', meta, 'epoch', epoch, 'server', ARGV[1], 'line', line)
  end
  if not was[5] then
    redis.call('PEXPIRE', meta, ARGV[4])
  end
  return epoch, offset, line, was[5]
end

-- Up to which offset an epoch has messages in common with the present one; nil when it is not known.
local function common(epoch, line, other)
  if other == epoch then
    return math.huge
  end
  for ancestor, offset in string.gmatch(line, '(%w+):(%d+)') do
    if ancestor == other then
      return tonumber(offset)
    end
  end
  return nil
end

-- Drops messages older than `oldest`, ms; returns the first that is left.
local function trim(log, oldest)
  -- Mostly the first one is young enough, and then no other has to be looked at.
  local many = 1
  while true do
    local entries = redis.call('XRANGE', log, '-', '+', 'COUNT', many)
    many = 64
    local keep = nil
    for _, entry in ipairs(entries) do
      if tonumber(entry[2][2]) >= oldest then
        keep = entry
        break
      end
    end
    if keep == entries[1] then
      return keep
    end
    if keep then
      redis.call('XTRIM', log, 'MINID', keep[1])
      return keep
    end
    local last = entries[#entries][1]
    redis.call('XTRIM', log, 'MINID', number(tonumber(string.match(last, '^%d+')) + 1) .. '-0')
  end
end

-- Subscribers of all nodes but one.
local function others(nodes, node)
  local sum, all = 0, redis.call('HGETALL', nodes)
  for i = 1, #all, 2 do
    local subscribers, ends = string.match(all[i + 1], '(%d+) (%d+)')
    if tonumber(ends) <= now then
      redis.call('HDEL', nodes, all[i])
    elseif all[i] ~= node then
      sum = sum + tonumber(subscribers)
    end
  end
  return sum
end

-- Takes away members whose leases have ended, and tells.
local function expire(info, leases)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', number(now), 'LIMIT', 0, 1000)) do
    tell('l ' .. #id .. ' ' .. id .. (redis.call('HGET', info, id) or ''))
    redis.call('HDEL', info, id)
    redis.call('ZREM', leases, id)
  end
end

local function keep_for(key, ms)
  if redis.call('PTTL', key) < tonumber(ms) then
    redis.call('PEXPIRE', key, ms)
  end
end
