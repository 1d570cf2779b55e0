/*
 * fanout: subscribers of one server's event stream and the one who publishes to them, in one process. Loopback only.
 *
 *   cc -O2 -pthread -o fanout bench/load/fanout.c
 *   ./fanout --port 8080 --path '/v1/events?channel=app.load' --subscribers 1000 \
 *            --publish-path /v1/ws --before '{"type":"publish","channel":"app.load","data":"' --after '"}' --rate 50 --seconds 5
 *
 * Each subscriber sends one GET and reads server-sent events. The publisher sends text frames over one WebSocket at a steady rate:
 * `before`, a payload of --bytes that begins with '@' and the time it was due in hex, `after`. With --tracker PORT it is a
 * Teltonika tracker instead, that sends one record a frame with the time in an IO value. Each event a subscriber gets is counted
 * and its latency taken from when it was due, so that a publisher the server keeps waiting is charged to the server.
 *
 * Lines of JSON come out as it goes, {"phase":"connected"}, {"phase":"begin"} and {"phase":"end"} around the measured window, and at
 * last the result; between the first two it waits for a line on its standard input, so that who started it can look at the server.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
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

enum { MAX_THREADS = 8, PARTS = 32, BUCKETS = 64 * PARTS, CARRY = 64, READ_BYTES = 256 * 1024, DIGITS = 16, GRACE_SECONDS = 20 };

static struct {
  int port, subscribers, threads, bytes, tracker;
  double rate, seconds, warmup;
  const char *path, *publish_path, *before, *after;
} opt = { .subscribers = 100, .threads = 2, .bytes = 200, .rate = 50, .seconds = 5, .warmup = 2, .path = "/v1/events", .publish_path = "/v1/ws",
          .before = "", .after = "" };

/* Bytes at the end of a read that may be the beginning of a marker and its digits. */
typedef struct { int fd, opened, carried; char carry[CARRY]; } Subscriber;
typedef struct { int epoll, from, count, opened; Subscriber *subscribers; uint64_t got, all, errors, hist[BUCKETS]; uint64_t max; } Worker;

static atomic_int stopping, measuring;
static atomic_long opened_all, received_all;
static const char *marker = "@";

static uint64_t now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static void fail(const char *what) { perror(what); exit(1); }
static void say(const char *phase) { printf("{\"phase\":\"%s\"}\n", phase); fflush(stdout); }

/* ---- latencies: PARTS buckets to each power of two of nanoseconds ---- */

static int bucket_of(uint64_t ns) {
  if (ns < PARTS) return ns;
  int top = 63 - __builtin_clzll(ns);
  return (top - 4) * PARTS + (int)((ns >> (top - 5)) & (PARTS - 1));
}
static double bucket_ms(int bucket) {
  if (bucket < PARTS) return bucket / 1e6;
  int top = bucket / PARTS + 4;
  return (double)((uint64_t)(PARTS + bucket % PARTS) << (top - 5)) / 1e6;
}

/* ---- subscribers ---- */

static int connect_to(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static void write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("send");
    bytes += n, length -= n;
  }
}

static int hex_of(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* Counts the events of what was read; returns where the first one begins that is not whole. */
static const char *count(Worker *w, const char *at, const char *end, uint64_t now) {
  size_t mark = strlen(marker);
  for (;;) {
    const char *found = memmem(at, end - at, marker, mark);
    if (found == NULL) return end - at > (long)mark ? end - mark + 1 : at;
    if (end - found < (long)(mark + DIGITS)) return found;
    uint64_t due = 0;
    int valid = 1;
    for (int i = 0; i < DIGITS; i++) {
      int digit = hex_of(found[mark + i]);
      valid &= digit >= 0;
      due = due << 4 | (uint64_t)(digit & 15);
    }
    at = found + mark;
    if (!valid) continue;
    w->all++;
    if (!measuring) continue;
    uint64_t took = now > due ? now - due : 0;
    w->got++;
    w->hist[bucket_of(took)]++;
    if (took > w->max) w->max = took;
  }
}

static void read_one(Worker *w, Subscriber *s, char *buffer) {
  memcpy(buffer, s->carry, s->carried);
  ssize_t n = recv(s->fd, buffer + s->carried, READ_BYTES, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) { w->errors++; epoll_ctl(w->epoll, EPOLL_CTL_DEL, s->fd, NULL); return; }
  if (!s->opened) {
    if (memmem(buffer, n, " 200 ", 5) == NULL) { fprintf(stderr, "refused: %.*s\n", (int)n, buffer); exit(1); }
    s->opened = 1;
    opened_all++;
  }
  uint64_t before = w->all;
  const char *end = buffer + s->carried + n, *rest = count(w, buffer, end, now_ns());
  received_all += w->all - before;
  s->carried = end - rest;
  memmove(s->carry, rest, s->carried);
}

static void *run_worker(void *own) {
  Worker *w = own;
  char *buffer = malloc(CARRY + READ_BYTES);
  struct epoll_event events[256];
  while (!stopping) {
    int n = epoll_wait(w->epoll, events, 256, 50);
    for (int i = 0; i < n; i++) read_one(w, &w->subscribers[events[i].data.u32], buffer);
  }
  free(buffer);
  return NULL;
}

static void subscribe(Worker *w) {
  char request[1024];
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n", opt.path);
  w->epoll = epoll_create1(EPOLL_CLOEXEC);
  w->subscribers = calloc(w->count, sizeof *w->subscribers);
  for (int i = 0; i < w->count; i++) {
    Subscriber *s = &w->subscribers[i];
    s->fd = connect_to(opt.port);
    write_all(s->fd, request, length);
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
    if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, s->fd, &event) < 0) fail("epoll_ctl");
  }
}

/* ---- who publishes ---- */

static int open_websocket(void) {
  char buffer[4096];
  int fd = connect_to(opt.port), got = 0;
  int length = snprintf(buffer, sizeof buffer, "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", opt.publish_path);
  write_all(fd, buffer, length);
  while (got < (int)sizeof buffer - 1) {
    ssize_t n = recv(fd, buffer + got, 1, 0);
    if (n <= 0) fail("upgrade");
    got += n;
    if (got >= 4 && memcmp(buffer + got - 4, "\r\n\r\n", 4) == 0) break;
  }
  if (memmem(buffer, got, " 101 ", 5) == NULL) { fprintf(stderr, "refused: %.*s\n", got, buffer); exit(1); }
  return fd;
}

/* A text frame with a mask of zeros: its payload stands as it is. Returns its end. */
static char *put_message(char *at, uint64_t due) {
  size_t before = strlen(opt.before), after = strlen(opt.after), length = before + opt.bytes + after;
  *at++ = (char)0x81;
  if (length < 126) *at++ = (char)(0x80 | length);
  else *at++ = (char)(0x80 | 126), *at++ = (char)(length >> 8), *at++ = (char)length;
  memset(at, 0, 4), at += 4;
  memcpy(at, opt.before, before), at += before;
  memset(at, 'x', opt.bytes);
  snprintf(at, DIGITS + 2, "@%016llx", (unsigned long long)due);
  at[1 + DIGITS] = '.';
  at += opt.bytes;
  memcpy(at, opt.after, after);
  return at + after;
}

static uint16_t crc16(const uint8_t *p, size_t n) {
  uint16_t crc = 0;
  while (n--) { crc ^= *p++; for (int i = 0; i < 8; i++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1; }
  return crc;
}
static char *put(char *p, int width, uint64_t value) { while (width--) *p++ = (char)(value >> (8 * width)); return p; }

static int open_tracker(void) {
  char login[17] = "\x00\x0f" "356307042441013", answer;
  int fd = connect_to(opt.tracker);
  write_all(fd, login, sizeof login);
  if (recv(fd, &answer, 1, MSG_WAITALL) != 1 || answer != 1) fail("login");
  return fd;
}

/* Codec 8, one record, IO 11 of eight bytes with the time it was due. */
static char *put_frame(char *at, uint64_t due) {
  static uint64_t record;
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  if (record == 0) record = (uint64_t)t.tv_sec * 1000 - 10000000;
  char *data = at + 8, *p = data;
  p = put(p, 1, 8), p = put(p, 1, 1), p = put(p, 8, record++), p = put(p, 1, 0);
  p = put(p, 4, 252797000), p = put(p, 4, 546872000), p = put(p, 2, 100), p = put(p, 2, 90), p = put(p, 1, 9), p = put(p, 2, 50);
  p = put(p, 1, 0), p = put(p, 1, 1), p = put(p, 3, 0), p = put(p, 1, 1), p = put(p, 1, 11), p = put(p, 8, due), p = put(p, 1, 1);
  put(at, 4, 0), put(at + 4, 4, p - data);
  return put(p, 4, crc16((uint8_t *)data, p - data));
}

static void drop_answers(int fd) { char junk[8192]; while (recv(fd, junk, sizeof junk, MSG_DONTWAIT) > 0) ; }

/* Publishes for `seconds` at the rate; returns how many. */
static long publish(int fd, double seconds) {
  char *buffer = malloc(1 << 20);
  size_t largest = opt.bytes + strlen(opt.before) + strlen(opt.after) + 64;
  uint64_t begin = now_ns(), last = begin + (uint64_t)(seconds * 1e9);
  double period = 1e9 / opt.rate;
  long sent = 0;
  for (;;) {
    uint64_t due = begin + (uint64_t)(period * sent), now = now_ns();
    if (due >= last) break;
    if (due > now) {
      struct timespec until = { due / 1000000000, due % 1000000000 };
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
      now = now_ns();
    }
    char *at = buffer;
    while (due <= now && due < last && at - buffer + largest < (1 << 20)) {
      at = opt.tracker ? put_frame(at, due) : put_message(at, due);
      due = begin + (uint64_t)(period * ++sent);
    }
    write_all(fd, buffer, at - buffer);
    drop_answers(fd);
  }
  free(buffer);
  return sent;
}

static double quantile(const uint64_t *hist, uint64_t total, double q) {
  uint64_t seen = 0;
  for (int i = 0; i < BUCKETS; i++) if ((seen += hist[i]) > q * total) return bucket_ms(i);
  return 0;
}

static double own_cpu(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Until all that was published has come, or nothing has for a while. */
static void await_received(long expected) {
  uint64_t last = now_ns();
  long seen = -1;
  while (received_all < expected && now_ns() - last < (uint64_t)GRACE_SECONDS * 1000000000ull) {
    if (received_all != seen) seen = received_all, last = now_ns();
    usleep(1000);
  }
}

static void read_options(int argc, char **argv) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *name = argv[i], *value = argv[i + 1];
    if (!strcmp(name, "--port")) opt.port = atoi(value);
    else if (!strcmp(name, "--subscribers")) opt.subscribers = atoi(value);
    else if (!strcmp(name, "--threads")) opt.threads = atoi(value);
    else if (!strcmp(name, "--bytes")) opt.bytes = atoi(value);
    else if (!strcmp(name, "--tracker")) opt.tracker = atoi(value);
    else if (!strcmp(name, "--rate")) opt.rate = atof(value);
    else if (!strcmp(name, "--seconds")) opt.seconds = atof(value);
    else if (!strcmp(name, "--warmup")) opt.warmup = atof(value);
    else if (!strcmp(name, "--path")) opt.path = value;
    else if (!strcmp(name, "--publish-path")) opt.publish_path = value;
    else if (!strcmp(name, "--before")) opt.before = value;
    else if (!strcmp(name, "--after")) opt.after = value;
    else { fprintf(stderr, "unknown option %s\n", name); exit(2); }
  }
  if (opt.threads < 1 || opt.threads > MAX_THREADS || opt.bytes < 32 || opt.bytes > 8192 || opt.rate <= 0 || opt.seconds > 120) exit(2);
}

int main(int argc, char **argv) {
  Worker workers[MAX_THREADS] = { 0 };
  pthread_t threads[MAX_THREADS];
  read_options(argc, argv);
  prctl(PR_SET_PDEATHSIG, 9);
  prctl(PR_SET_TIMERSLACK, 1);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (opt.tracker) marker = "\"11\":\"";
  for (int t = 0, from = 0; t < opt.threads; t++) {
    workers[t].from = from;
    workers[t].count = opt.subscribers / opt.threads + (t < opt.subscribers % opt.threads);
    from += workers[t].count;
    subscribe(&workers[t]);
    pthread_create(&threads[t], NULL, run_worker, &workers[t]);
  }
  for (int waited = 0; opened_all < opt.subscribers; waited++) {
    if (waited > GRACE_SECONDS * 1000) { fprintf(stderr, "%ld of %d streams opened\n", opened_all, opt.subscribers); return 1; }
    usleep(1000);
  }
  say("connected");
  char line[64];
  if (fgets(line, sizeof line, stdin) == NULL) return 1;
  int fd = opt.tracker ? open_tracker() : open_websocket();
  long published = publish(fd, opt.warmup);
  await_received(published * opt.subscribers);
  say("begin");
  if (fgets(line, sizeof line, stdin) == NULL) return 1;
  double cpu = own_cpu();
  uint64_t begin = now_ns();
  measuring = 1;
  long measured = publish(fd, opt.seconds);
  await_received((published + measured) * opt.subscribers);
  double seconds = (now_ns() - begin) / 1e9;
  measuring = 0;
  cpu = own_cpu() - cpu;
  say("end");
  stopping = 1;
  for (int t = 0; t < opt.threads; t++) pthread_join(threads[t], NULL);
  uint64_t got = 0, errors = 0, max = 0, hist[BUCKETS] = { 0 };
  for (int t = 0; t < opt.threads; t++) {
    got += workers[t].got, errors += workers[t].errors;
    if (workers[t].max > max) max = workers[t].max;
    for (int i = 0; i < BUCKETS; i++) hist[i] += workers[t].hist[i];
  }
  printf("{\"published\":%ld,\"delivered\":%llu,\"missing\":%lld,\"errors\":%llu,\"seconds\":%.3f,\"delivered_per_second\":%.0f,"
    "\"latency_ms\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f},\"client_cores\":%.2f}\n",
    measured, (unsigned long long)got, (long long)measured * opt.subscribers - (long long)got, (unsigned long long)errors, seconds,
    got / seconds, quantile(hist, got, 0.5), quantile(hist, got, 0.99), max / 1e6, cpu / seconds);
  return errors > 0;
}
