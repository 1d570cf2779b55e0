/*
 * trackers: many Teltonika trackers in one process, so that the generator is never what is measured. Loopback only.
 *
 *   cc -O2 -pthread -o trackers bench/load/trackers.c
 *   ./trackers --port 5027 --trackers 1000 --records 4 --window 1 --seconds 3
 *
 * Each tracker logs in, then keeps `window` Codec 8 frames unanswered (a real one keeps one). An answer other than the
 * number of records sent, a close by the server, or 10 s without any answer is an error and ends the run with status 1.
 * One JSON line comes out: acknowledged frames and records (in all, and per second inside the measured window), the
 * quantiles of send to acknowledgement, errors, and how many cores the generator itself took. `acked_records` is
 * comparable with what the server says it stored.
 *
 * With --rate the load is open: each frame has a time it is due, whether or not the server keeps up, and its latency counts
 * from then; so a stall is charged to every frame that was due in it, and not only to the one that was on its way.
 *
 * --storm 1 connects all trackers at once, from several loopback addresses, waits until each is logged in (a second JSON
 * line, first, tells how long that took), then keeps them connected and silent for --seconds.
 *
 * Bounded: --seconds ends a run, --frames (a tracker's number of frames) may end it earlier; both have a ceiling.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_BYTES = 47, LOGIN_BYTES = 17, MAX_THREADS = 16, PARTS = 32, BUCKETS = 64 * PARTS, STALL_SECONDS = 10, SOURCES = 16 };
typedef enum { ORDER_RISING, ORDER_NEWEST_FIRST, ORDER_SAME } Order;

static struct {
  int port, trackers, records, window, threads, storm;
  double seconds, warmup, rate;
  long frames;           /* per tracker; 0: until the time is over */
  long first;            /* number of the first tracker: IMEI = 35 + 13 digits */
  uint64_t start, gap;   /* record times: ms of the first one, ms between two */
  Order order;
} opt = { .port = 5027, .trackers = 100, .records = 4, .window = 1, .threads = 1, .seconds = 3, .warmup = 0.5, .gap = 1 };

/* A tracker: `unsent` bytes of `out` begin at `out_at`; the times of unanswered frames stand in a ring of `window`. */
typedef struct {
  int fd, logged_in, dead, wants_write, answer_len;
  uint8_t answer[4];
  uint64_t sent, acked, next_time;
  double first_due, *sent_at;   /* with a rate: frame k is due at first_due + k periods */
  uint8_t *frame, *out;
  size_t out_at, out_len;
} Tracker;

typedef struct {
  int epoll, from, count, done;
  Tracker *trackers;
  int logged_in;
  uint64_t frames, all_frames, errors, hist[BUCKETS];
  double max_latency, last_answer, first_due, next_due;   /* `next_due`: of any tracker, they take turns; -1: not all are logged in */
  uint64_t turns;
} Worker;

static volatile int stopping, measuring;
static uint16_t crc_table[8][256];

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
static size_t frame_bytes(void) { return 8 + 2 + (size_t)opt.records * RECORD_BYTES + 1 + 4; }
static void fail(const char *what) { perror(what); exit(1); }

/* ---- frames ---- */

static uint8_t *put(uint8_t *p, int width, uint64_t value) { while (width--) *p++ = value >> (8 * width); return p; }

/* CRC-16/IBM, eight bytes a step. */
static void crc_prepare(void) {
  for (int i = 0; i < 256; i++) { uint16_t c = i; for (int bit = 0; bit < 8; bit++) c = c & 1 ? c >> 1 ^ 0xA001 : c >> 1; crc_table[0][i] = c; }
  for (int k = 1; k < 8; k++) for (int i = 0; i < 256; i++) crc_table[k][i] = crc_table[k - 1][i] >> 8 ^ crc_table[0][crc_table[k - 1][i] & 255];
}
static uint16_t crc16(const uint8_t *p, size_t n) {
  uint16_t c = 0;
  for (; n >= 8; n -= 8, p += 8) {
    c ^= p[0] | p[1] << 8;
    c = crc_table[7][c & 255] ^ crc_table[6][c >> 8] ^ crc_table[5][p[2]] ^ crc_table[4][p[3]] ^ crc_table[3][p[4]] ^ crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]];
  }
  while (n--) c = c >> 8 ^ crc_table[0][(c ^ *p++) & 255];
  return c;
}

/* All of a frame but the record times and the CRC: they change, the rest is a tracker's own place and state. */
static void frame_prepare(uint8_t *p, long number) {
  size_t length = frame_bytes() - 12;
  p = put(p, 4, 0); p = put(p, 4, length); p = put(p, 1, 8); p = put(p, 1, opt.records);
  for (int i = 0; i < opt.records; i++) {
    p = put(p, 8, 0); p = put(p, 1, 0);
    p = put(p, 4, 252797000 + number % 50000 * 11); p = put(p, 4, 546872000 + number % 50000 * 7);
    p = put(p, 2, 99); p = put(p, 2, 90); p = put(p, 1, 12); p = put(p, 2, 54);
    p = put(p, 1, 0); p = put(p, 1, 6);
    p = put(p, 1, 3); p = put(p, 2, 239 << 8 | 1); p = put(p, 2, 240 << 8 | 1); p = put(p, 2, 21 << 8 | 4);
    p = put(p, 1, 2); p = put(p, 1, 66); p = put(p, 2, 12300 + i); p = put(p, 1, 67); p = put(p, 2, 4012);
    p = put(p, 1, 1); p = put(p, 1, 16); p = put(p, 4, number * 100 + i); p = put(p, 1, 0);
  }
  put(p, 1, opt.records);
}

static void frame_stamp(Tracker *t) {
  size_t length = frame_bytes() - 12;
  for (int i = 0; i < opt.records; i++) {
    put(t->frame + 10 + i * RECORD_BYTES, 8, t->next_time);
    if (opt.order == ORDER_RISING) t->next_time += opt.gap;
    if (opt.order == ORDER_NEWEST_FIRST) t->next_time -= opt.gap;
    if (opt.order == ORDER_SAME && i + 1 < opt.records) t->next_time += opt.gap;
  }
  if (opt.order == ORDER_SAME) t->next_time -= opt.gap * (opt.records - 1);
  put(t->frame + 8 + length, 4, crc16(t->frame + 8, length));
}

/* ---- sending ---- */

static void watch(Worker *w, Tracker *t, int for_write) {
  if (t->wants_write == for_write) return;
  t->wants_write = for_write;
  struct epoll_event e = { .events = EPOLLIN | (for_write ? EPOLLOUT : 0), .data.ptr = t };
  epoll_ctl(w->epoll, EPOLL_CTL_MOD, t->fd, &e);
}

static void lose(Worker *w, Tracker *t, const char *why) {
  if (t->dead) return;
  t->dead = 1; w->errors++; w->done++;
  if (w->errors <= 3) fprintf(stderr, "tracker lost: %s, %lu of %lu frames acknowledged\n", why, t->acked, t->sent);
  close(t->fd);
}

/* A turn and the time its frame is due are the same but for rounding: a frame that misses its turn would wait for the next. */
static const double ROUNDING = 1e-5;

/* Seconds between two frames of a tracker. */
static double period(void) { return opt.trackers / opt.rate; }

/* Puts as many frames into `out` as window, rate and count allow. */
static void fill(Tracker *t, double at) {
  size_t bytes = frame_bytes();
  t->out_at = t->out_len = 0;
  while (t->sent - t->acked < (uint64_t)opt.window && (opt.frames == 0 || t->sent < (uint64_t)opt.frames)) {
    double due = at;
    if (opt.rate > 0) {
      due = t->first_due + t->sent * period();
      if (t->first_due == 0 || at < due - ROUNDING) return;
    }
    frame_stamp(t);
    memcpy(t->out + t->out_len, t->frame, bytes);
    t->out_len += bytes;
    t->sent_at[t->sent++ % opt.window] = due;
  }
}

static void pump(Worker *w, Tracker *t, double at) {
  if (t->dead || !t->logged_in || stopping || opt.storm) return;
  if (t->out_at == t->out_len) fill(t, at);
  while (t->out_at < t->out_len) {
    ssize_t n = send(t->fd, t->out + t->out_at, t->out_len - t->out_at, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return lose(w, t, strerror(errno));
    if (n < 0) return watch(w, t, 1);
    t->out_at += n;
  }
  watch(w, t, 0);
}

/* ---- answers ---- */

static void note(Worker *w, double latency) {
  /* PARTS buckets an octave, from 1 us. */
  double us = latency * 1e6; int octave = 0;
  if (latency > w->max_latency) w->max_latency = latency;
  while (us >= 2 && octave < 63) { us /= 2; octave++; }
  int part = (int)((us - 1) * PARTS);
  w->hist[octave * PARTS + (part < 0 ? 0 : part >= PARTS ? PARTS - 1 : part)]++;
}

static void answered(Worker *w, Tracker *t, double at) {
  uint32_t n; memcpy(&n, t->answer, 4); n = ntohl(n);
  t->answer_len = 0;
  if (t->acked == t->sent) return lose(w, t, "an answer without a frame");
  if (n != (uint32_t)opt.records) return lose(w, t, "a wrong count");
  if (measuring) { w->frames++; note(w, at - t->sent_at[t->acked % opt.window]); }
  t->acked++; w->all_frames++; w->last_answer = at;
  if (opt.frames && t->acked == (uint64_t)opt.frames) w->done++;
}

static void receive(Worker *w, Tracker *t, double at) {
  uint8_t bytes[4096];
  ssize_t n = recv(t->fd, bytes, sizeof bytes, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) return lose(w, t, n == 0 ? "closed by the server" : strerror(errno));
  ssize_t i = 0;
  if (!t->logged_in) {
    if (bytes[i++] != 1) return lose(w, t, "login refused");
    t->logged_in = 1; w->last_answer = at;
    w->logged_in++;
    if (opt.storm) note(w, at - t->sent_at[0]);
  }
  while (i < n && !t->dead) {
    t->answer[t->answer_len++] = bytes[i++];
    if (t->answer_len == 4) answered(w, t, at);
  }
}

/* ---- a thread of trackers ---- */

static void join_gateway(Worker *w, Tracker *t, long number) {
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(opt.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  size_t bytes = frame_bytes(); int one = 1; char login[LOGIN_BYTES + 1] = { 0, 15 };
  t->frame = malloc(bytes); t->out = malloc(bytes * opt.window); t->sent_at = calloc(opt.window, sizeof(double));
  if (!t->frame || !t->out || !t->sent_at) fail("malloc");
  frame_prepare(t->frame, number);
  t->next_time = opt.start;
  if ((t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (opt.storm ? SOCK_NONBLOCK : 0), 0)) < 0) fail("socket");
  setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  snprintf(login + 2, sizeof login - 2, "35%013ld", number);
  if (opt.storm) {
    struct sockaddr_in source = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % SOURCES) };
    setsockopt(t->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(t->fd, (void *)&source, sizeof source)) fail("bind");
    memcpy(t->out, login, LOGIN_BYTES);
    t->out_len = LOGIN_BYTES;
    t->sent_at[0] = now();
    if (connect(t->fd, (void *)&to, sizeof to) && errno != EINPROGRESS) fail("connect");
  } else {
    if (connect(t->fd, (void *)&to, sizeof to)) fail("connect");
    fcntl(t->fd, F_SETFL, O_NONBLOCK);
    if (send(t->fd, login, LOGIN_BYTES, MSG_NOSIGNAL) != LOGIN_BYTES) fail("login");
  }
  struct epoll_event e = { .events = EPOLLIN | (opt.storm ? EPOLLOUT : 0), .data.ptr = t };
  if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, t->fd, &e)) fail("epoll_ctl");
}

/* In a storm: the connection is up, or has failed. */
static void say_login(Worker *w, Tracker *t) {
  if (t->out_len == 0) return;
  if (send(t->fd, t->out, LOGIN_BYTES, MSG_NOSIGNAL) != LOGIN_BYTES) return lose(w, t, strerror(errno));
  t->out_len = 0;
  t->wants_write = 1;
  watch(w, t, 0);
}

/* When all are logged in the turns begin; then each tracker is looked at when it is due, and after every answer. */
static void take_turns(Worker *w, double at) {
  double step = period() / w->count;
  if (w->next_due < 0) {
    if (w->logged_in < w->count) return;
    w->next_due = w->first_due = at;
    for (int i = 0; i < w->count; i++) w->trackers[i].first_due = at + i * step;
  }
  for (; w->next_due <= at; w->next_due = w->first_due + ++w->turns * step) pump(w, &w->trackers[w->turns % w->count], at);
}

static int wait_for_events(Worker *w, struct epoll_event *events, int max) {
  if (opt.rate == 0 || w->next_due < 0) return epoll_wait(w->epoll, events, max, 100);
  double left = w->next_due - now();
  struct timespec timeout = { .tv_nsec = left <= 0 ? 0 : left > 0.1 ? 100000000 : (long)(left * 1e9) };
  return epoll_pwait2(w->epoll, events, max, &timeout, 0);
}

static void *work(void *argument) {
  Worker *w = argument; struct epoll_event events[256];
  prctl(PR_SET_TIMERSLACK, 1);   /* ns: frames leave when they are due */
  w->next_due = -1;
  for (int i = 0; i < w->count; i++) join_gateway(w, &w->trackers[i], opt.first + w->from + i);
  w->last_answer = now();
  while (!stopping && w->done < w->count) {
    int n = wait_for_events(w, events, 256);
    double at = now();
    for (int i = 0; i < n; i++) {
      Tracker *t = events[i].data.ptr;
      if (opt.storm && !t->dead && events[i].events & EPOLLOUT) say_login(w, t);
      if (!t->dead && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(w, t, at);
      pump(w, t, at);
    }
    if (opt.rate > 0) take_turns(w, at);
    int waiting = opt.rate == 0 && (!opt.storm || w->logged_in < w->count);
    if (waiting && at - w->last_answer > STALL_SECONDS) { fprintf(stderr, "no answer for %d s\n", STALL_SECONDS); w->errors++; break; }
  }
  return 0;
}

/* ---- the run ---- */

static double quantile(const uint64_t *hist, uint64_t total, double q) {
  uint64_t rank = total * q, seen = 0;
  if (total == 0) return 0;
  for (int i = 0; i < BUCKETS; i++) {
    if ((seen += hist[i]) <= rank) continue;
    double us = 1 + (i % PARTS + 1) / (double)PARTS;
    for (int k = i / PARTS; k > 0; k--) us *= 2;
    return us / 1000;
  }
  return 0;
}

/* Processor seconds of the whole generator. */
static double cpu_seconds(void) {
  struct rusage u; getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static double number(const char *name, const char *text, double low, double high) {
  char *end; double value = text ? strtod(text, &end) : 0;
  if (!text || *end || value < low || value > high) { fprintf(stderr, "%s: expected a number from %.0f to %.0f\n", name, low, high); exit(2); }
  return value;
}

static void read_options(int argc, char **argv) {
  struct timespec t; clock_gettime(CLOCK_REALTIME, &t);
  opt.start = (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
  for (int i = 1; i < argc; i += 2) {
    const char *name = argv[i], *text = i + 1 < argc ? argv[i + 1] : 0;
    if (!strcmp(name, "--port")) opt.port = number(name, text, 1, 65535);
    else if (!strcmp(name, "--trackers")) opt.trackers = number(name, text, 1, 60000);
    else if (!strcmp(name, "--records")) opt.records = number(name, text, 1, 255);
    else if (!strcmp(name, "--window")) opt.window = number(name, text, 1, 1024);
    else if (!strcmp(name, "--threads")) opt.threads = number(name, text, 1, MAX_THREADS);
    else if (!strcmp(name, "--seconds")) opt.seconds = number(name, text, 0.05, 600);
    else if (!strcmp(name, "--warmup")) opt.warmup = number(name, text, 0, 60);
    else if (!strcmp(name, "--storm")) opt.storm = number(name, text, 0, 1);
    else if (!strcmp(name, "--rate")) opt.rate = number(name, text, 0, 1e8);
    else if (!strcmp(name, "--frames")) opt.frames = number(name, text, 0, 1e7);
    else if (!strcmp(name, "--first")) opt.first = number(name, text, 0, 9e12);
    else if (!strcmp(name, "--start")) opt.start = number(name, text, 0, 9e15);
    else if (!strcmp(name, "--gap")) opt.gap = number(name, text, 0, 1e9);
    else if (!strcmp(name, "--order") && text && !strcmp(text, "rising")) opt.order = ORDER_RISING;
    else if (!strcmp(name, "--order") && text && !strcmp(text, "newest-first")) opt.order = ORDER_NEWEST_FIRST;
    else if (!strcmp(name, "--order") && text && !strcmp(text, "same")) opt.order = ORDER_SAME;
    else {
      fprintf(stderr, "usage: trackers --port P [--trackers N] [--records N] [--window N] [--threads N] [--seconds S] [--warmup S]\n"
        "                [--rate FRAMES_PER_SECOND] [--frames N] [--first N] [--start MS] [--gap MS] [--order rising|newest-first|same]\n"
        "                [--storm 1]\n");
      exit(2);
    }
  }
  if (opt.threads > opt.trackers) opt.threads = opt.trackers;
  if (frame_bytes() * opt.window * opt.trackers > (size_t)1 << 30) { fprintf(stderr, "trackers x window x frame exceeds 1 GiB\n"); exit(2); }
}

static Worker workers[MAX_THREADS];

static int all_done(void) {
  int done = 0;
  for (int i = 0; i < opt.threads; i++) done += workers[i].done;
  return done >= opt.trackers;
}
/* Until every tracker is logged in or lost; tells how it went. */
static void wait_for_storm(double begun) {
  int in, over;
  do {
    usleep(1000);
    in = over = 0;
    for (int i = 0; i < opt.threads; i++) { in += workers[i].logged_in; over += workers[i].logged_in + workers[i].errors; }
  } while (over < opt.trackers && now() < begun + 60);
  double took = now() - begun; static uint64_t hist[BUCKETS];
  for (int i = 0; i < opt.threads; i++) for (int b = 0; b < BUCKETS; b++) hist[b] += workers[i].hist[b];
  printf("{\"logged_in\":%d,\"of\":%d,\"storm_seconds\":%.3f,\"login_ms\":{\"p50\":%.3f,\"p99\":%.3f}}\n", in, opt.trackers, took,
    quantile(hist, in, 0.5), quantile(hist, in, 0.99));
  fflush(stdout);
}
static void wait_until(double end) { while (now() < end && !all_done()) usleep(2000); }

int main(int argc, char **argv) {
  read_options(argc, argv);
  crc_prepare();
  struct rlimit files; getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
  pthread_t threads[MAX_THREADS];
  double begun = now();
  /* With a count of frames the whole run is measured; with a time, what comes after the warm-up. */
  measuring = opt.frames > 0;
  for (int i = 0, from = 0; i < opt.threads; i++) {
    Worker *w = &workers[i];
    w->from = from; w->count = opt.trackers / opt.threads + (i < opt.trackers % opt.threads); from += w->count;
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->trackers = calloc(w->count, sizeof(Tracker));
    if (!w->trackers || pthread_create(&threads[i], 0, work, w)) fail("start");
  }
  if (opt.storm) { wait_for_storm(begun); begun = now(); }
  else if (!measuring) { wait_until(begun + opt.warmup); begun = now(); measuring = 1; }
  double cpu = cpu_seconds();
  wait_until(begun + opt.seconds);
  measuring = 0;
  cpu = cpu_seconds() - cpu;
  double took = now() - begun;
  stopping = 1;
  uint64_t frames = 0, all = 0, errors = 0, unanswered = 0; double longest = 0; static uint64_t hist[BUCKETS];
  for (int i = 0; i < opt.threads; i++) {
    pthread_join(threads[i], 0);
    Worker *w = &workers[i];
    frames += w->frames; all += w->all_frames; errors += w->errors;
    if (w->max_latency > longest) longest = w->max_latency;
    for (int b = 0; b < BUCKETS; b++) hist[b] += w->hist[b];
    for (int k = 0; k < w->count; k++) unanswered += w->trackers[k].sent - w->trackers[k].acked;
  }
  printf("{\"trackers\":%d,\"window\":%d,\"records\":%d,\"seconds\":%.3f,\"frames_per_second\":%.0f,\"records_per_second\":%.0f,"
    "\"ack_ms\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f},\"acked_frames\":%lu,\"acked_records\":%lu,\"unanswered_frames\":%lu,\"errors\":%lu,\"generator_cores\":%.2f}\n",
    opt.trackers, opt.window, opt.records, took, frames / took, frames * opt.records / took, quantile(hist, frames, 0.5), quantile(hist, frames, 0.99),
    longest * 1000, all, all * opt.records, unanswered, errors, cpu / took);
  return errors > 0;
}
