-- Ask about varied flights and check every answer. Run by `puntual stress`, or by hand:
--
--   puntual stress --keep requests
--   wrk -t1 -c16 -d30s --latency -s stress/predict.lua http://127.0.0.1:8000/predict -- requests [responses]
--
-- The folder holds requests.txt and, to check answers, answers.txt: line n of one is answered by line n of the
-- other. Both stay in the files, of which the system maps what is read. Lines are sent in their order, shared out
-- among PUNTUAL_STRESS_THREADS threads (default 1, as -t), from line PUNTUAL_STRESS_FIRST on (default 0); after the last
-- comes the first again, which result.json counts. Request n carries X-Request-Id: n and the server echoes it, because wrk does not tell a response which
-- request it belongs to. Results go to the folder: result.json, and differing.tsv (times, n, body). An API key is
-- taken from PUNTUAL_API_KEY. PUNTUAL_STRESS_DELAY_MS pauses each connection before each request, for a rate below
-- the maximum: wrk has no other.

local ffi = require("ffi")
ffi.cdef [[
  struct timespec { long seconds; long nanoseconds; };
  int clock_gettime(int clock, struct timespec *moment);
  int kill(int process, int signal);
  int getpid(void);
  void *calloc(size_t count, size_t size);
  int open(const char *path, int flags, ...);
  int close(int file);
  long lseek(int file, long offset, int whence);
  void *mmap(void *address, size_t length, int protection, int flags, int file, long offset);
  char *memchr(const char *content, int character, size_t length);
  int memcmp(const char *one, const char *other, size_t length);
]]
local MONOTONIC, INTERRUPT = 1, 2
local TO_READ, PRIVATE, END_OF_FILE, NEWLINE = 1, 2, 2, 10
local MOST_KEPT = 100000

local function seconds_now()
  local moment = ffi.new("struct timespec")
  ffi.C.clock_gettime(MONOTONIC, moment)
  return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

-- The lines of a file without reading it: where it lies in memory, where each line begins, and how many there are.
local function lines(path)
  local file = ffi.C.open(path, 0)
  if file < 0 then return nil end
  local size = tonumber(ffi.C.lseek(file, 0, END_OF_FILE))
  local content = ffi.cast("const char *", ffi.C.mmap(nil, size, TO_READ, PRIVATE, file, 0))
  ffi.C.close(file)
  local room, count, offset = 1024, 0, 0
  local starts = ffi.new("double[?]", room + 1)
  while offset < size do
    local ending = ffi.C.memchr(content + offset, NEWLINE, size - offset)
    if ending == nil then break end
    offset = tonumber(ending - content) + 1
    count = count + 1
    if count > room then
      local more = ffi.new("double[?]", 2 * room + 1)
      ffi.copy(more, starts, (room + 1) * 8)
      starts, room = more, 2 * room
    end
    starts[count] = offset
  end
  return { content = content, starts = starts, count = count }
end

-- ---- in the main state: share the work out among the threads, and gather their results ----------------------

local threads = {}
local MOST_THREADS = 256
-- One byte for each thread, in memory that all can reach: whether it has its share of the responses.
local ended = ffi.C.calloc(MOST_THREADS, 1)

function setup(thread)
  thread:set("place", #threads)
  thread:set("ended_at", tonumber(ffi.cast("intptr_t", ended)))
  threads[#threads + 1] = thread
  -- wrk sets a thread up before it makes the next, so the count is right only by the first response.
  for _, each in ipairs(threads) do each:set("thread_count", #threads) end
end

local function sum(name)
  local total = 0
  for _, thread in ipairs(threads) do total = total + (thread:get(name) or 0) end
  return total
end

local function write_differing(folder)
  local file = assert(io.open(folder .. "/differing.tsv", "w"))
  for _, thread in ipairs(threads) do
    for answer, times in pairs(thread:get("differing") or {}) do file:write(times, "\t", answer, "\n") end
  end
  file:close()
end

local function histogram(latency)
  local bins = {}
  for place = 1, #latency do
    local microseconds, count = latency(place)
    if microseconds then bins[#bins + 1] = string.format("[%d,%d]", microseconds, count) end
  end
  return "[" .. table.concat(bins, ",") .. "]"
end

function done(summary, latency)
  local folder = threads[1]:get("folder")
  local first, last = math.huge, 0
  for _, thread in ipairs(threads) do
    first = math.min(first, thread:get("first_sent") or math.huge)
    last = math.max(last, thread:get("last_answered") or 0)
  end
  -- Started but never answered: what the clock says then is the whole time that wrk gave it.
  local seconds = last > first and last - first or summary.duration / 1e6
  local errors = summary.errors
  write_differing(folder)
  local file = assert(io.open(folder .. "/result.json", "w"))
  file:write(string.format(
    '{"answered":%d,"refused":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"unmatched":%d,' ..
    '"differing":%d,"uninspected":%d,"came_round":%d,"seconds":%.6f,"latency":%s}\n',
    sum("answered"), sum("refused"), errors.connect, errors.read, errors.write, errors.timeout, sum("unmatched"),
    sum("differing_count"), sum("uninspected"), sum("came_round"), seconds, histogram(latency)))
  file:close()
end

-- ---- in each thread -------------------------------------------------------------------------------------------

-- Globals, so that the main state can read them.
answered, refused, unmatched, differing_count, uninspected, came_round = 0, 0, 0, 0, 0, 0
differing = {}

local requests, expected, responses, quota, pause, sharing, head
local sent, turns, next_line, kept = 0, 0, 0, 0

function init(arguments)
  folder = arguments[1] or error("name the folder of requests.txt: wrk ... -- FOLDER [RESPONSES]")
  requests = lines(folder .. "/requests.txt") or error(folder .. "/requests.txt: cannot be read")
  expected = lines(folder .. "/answers.txt")
  responses = tonumber(arguments[2])
  pause = tonumber(os.getenv("PUNTUAL_STRESS_DELAY_MS") or "")
  if responses == 0 then responses = nil end
  -- Each thread has lines of its own, so that no two ask the same.
  sharing = tonumber(os.getenv("PUNTUAL_STRESS_THREADS") or "1")
  next_line = tonumber(os.getenv("PUNTUAL_STRESS_FIRST") or "0") + place
  local key = os.getenv("PUNTUAL_API_KEY")
  -- wrk.format makes a table of each request; all but number, length and body is the same in every one.
  head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\nContent-Type: application/json\r\n"
  if key and key ~= "" then head = head .. "X-API-Key: " .. key .. "\r\n" end
  head = head .. "X-Request-Id: "
end

-- wrk looks for `delay` only in a script that has one.
if os.getenv("PUNTUAL_STRESS_DELAY_MS") then
  function delay()
    -- Spread evenly about the mean, so that connections do not fall into step.
    return math.floor(pause * 2 * math.random() + 0.5)
  end
end

function request()
  sent = sent + 1
  local line = next_line % requests.count
  -- The first request of the first thread only shows wrk what requests look like; it is not sent.
  if sent > 1 or place > 0 then
    if not first_sent then first_sent = seconds_now() end
    if turns * sharing + place >= requests.count then came_round = came_round + 1 end
    turns, next_line = turns + 1, next_line + sharing
  end
  local start = requests.starts[line]
  local length = requests.starts[line + 1] - start - 1
  return head .. (line + 1) .. "\r\nContent-Length: " .. length .. "\r\n\r\n" ..
    ffi.string(requests.content + start, length)
end

local function note_difference(number, body)
  differing_count = differing_count + 1
  local answer = number .. "\t" .. body:gsub("[\r\n\t]", " ")
  if differing[answer] then
    differing[answer] = differing[answer] + 1
  elseif kept < MOST_KEPT then
    kept = kept + 1
    differing[answer] = 1
  else
    uninspected = uninspected + 1
  end
end

local function is_expected(number, body)
  local start = expected.starts[number - 1]
  return expected.starts[number] - start - 1 == #body and ffi.C.memcmp(body, expected.content + start, #body) == 0
end

local function check(headers, body)
  local number = tonumber(headers["x-request-id"] or headers["X-Request-Id"] or headers["X-Request-ID"])
  if not number or number < 1 or number > expected.count then
    unmatched = unmatched + 1
  elseif not is_expected(number, body) then
    note_difference(number, body)
  end
end

local function all_ended()
  local marks = ffi.cast("char *", ended_at)
  marks[place] = 1
  for thread = 0, thread_count - 1 do
    if marks[thread] == 0 then return false end
  end
  return true
end

local function share()
  return math.floor(responses / thread_count) + (place < responses % thread_count and 1 or 0)
end

function response(status, headers, body)
  answered = answered + 1
  if status < 200 or status > 299 then
    refused = refused + 1
  elseif expected then
    check(headers, body)
  end
  last_answered = seconds_now()
  if not responses then return end
  quota = quota or share()
  if answered >= quota then
    wrk.thread:stop()
    -- The main thread sleeps through the whole duration unless it is interrupted.
    if all_ended() then ffi.C.kill(ffi.C.getpid(), INTERRUPT) end
  end
end
