/*
 * floor: what Berth is measured against: the least that a server on this machine must do for the same frames.
 *
 *   cc -O2 -pthread -o floor bench/load/floor.c
 *   ./floor PORT THREADS          checks every frame and acknowledges it at once; keeps nothing: what the sockets cost
 *   ./floor PORT THREADS FILE     appends every frame to FILE first and acknowledges after fdatasync: what durability costs
 *
 * THREADS epoll threads, connections dealt out in turn; PORT 0 takes a free one. One JSON line says that it listens. A frame is
 * checked as a gateway must (preamble, length, CRC, both counts, every record's end); there is no identity, no de-duplication, no index.
 * With FILE one more thread commits: what all I/O threads have brought since the last sync is written and synced together.
 *
 *   I/O thread: `filling` batch ──swap──▶ committer: write, fdatasync ──eventfd──▶ I/O thread: one send per connection
 *
 * Loopback only, Codec 8 only. Ends by SIGTERM, and with the process that started it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_THREADS = 64, EVENTS = 512, READ_BYTES = 256 * 1024, LOGIN_BYTES = 17, OVERHEAD = 12, MAX_DATA = 32768, NOTE_FRAMES = 64, STAMP_BYTES = 32 };

typedef struct Note Note;
/* `rest`: the beginning of a frame that has not come whole. `note`: where its counts go in the batch that is filling, if `batch` is that one. */
typedef struct { int fd, logged_in, open, unanswered; size_t rest_len, rest_cap; uint8_t *rest; uint64_t batch; size_t note; } Connection;
/* The record counts to answer a connection with, once the batch is durable. */
struct Note { Connection *connection; int frames; uint8_t counts[NOTE_FRAMES]; };
typedef struct { Note *items; size_t len, cap; } Notes;
typedef struct { uint8_t *bytes; size_t len, cap; Notes notes; } Batch;
typedef struct {
  int epoll, bell;
  pthread_mutex_t lock;    /* over `filling` and `done`; `committing` is the committer's, `answering` the thread's own */
  uint64_t filling_no;
  Batch filling, committing;
  Notes done, answering;
  uint8_t read[READ_BYTES + MAX_DATA + OVERHEAD];
} Thread;

static Thread *threads;
static int thread_count, listener, file = -1;
static uint16_t crc_table[8][256];
static pthread_mutex_t work_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_ready = PTHREAD_COND_INITIALIZER;
static int work_waits;

static void fail(const char *what) { perror(what); exit(1); }
static void *grown(void *old, size_t *cap, size_t need, size_t size) {
  if (need <= *cap) return old;
  while (*cap < need) *cap = *cap ? *cap * 2 : 4096;
  void *larger = realloc(old, *cap * size);
  if (!larger) fail("realloc");
  return larger;
}

/* ---- frames ---- */

static uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }

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

/* The number of records of a Codec 8 data field, or -1 when they do not end where it does. */
static int records_of(const uint8_t *data, size_t len) {
  size_t at = 2; int count = data[1];
  for (int i = 0; i < count; i++) {
    at += 26;
    for (int width = 1; width <= 8; width *= 2) { if (at >= len) return -1; at += 1 + (size_t)data[at] * (1 + width); }
  }
  return at == len - 1 && data[at] == count ? count : -1;
}

/* ---- durable: batches ---- */

static Note *noted(Notes *notes) {
  notes->items = grown(notes->items, &notes->cap, notes->len + 1, sizeof(Note));
  return &notes->items[notes->len++];
}

static void keep(Thread *t, Connection *c, const uint8_t *data, size_t len, int count) {
  pthread_mutex_lock(&t->lock);
  Batch *b = &t->filling;
  b->bytes = grown(b->bytes, &b->cap, b->len + STAMP_BYTES + len, 1);
  memset(b->bytes + b->len, 0, STAMP_BYTES);
  memcpy(b->bytes + b->len + STAMP_BYTES, data, len);
  b->len += STAMP_BYTES + len;
  if (c->batch != t->filling_no || b->notes.items[c->note].frames == NOTE_FRAMES) {
    c->batch = t->filling_no; c->note = b->notes.len; c->unanswered++;
    Note *first = noted(&b->notes);
    first->connection = c; first->frames = 0;
  }
  Note *note = &b->notes.items[c->note];
  note->counts[note->frames++] = count;
  pthread_mutex_unlock(&t->lock);
}

/* Takes what the I/O threads have brought and writes it; how many bytes that was. */
static size_t write_batches(void) {
  size_t written = 0;
  for (int i = 0; i < thread_count; i++) {
    Thread *t = &threads[i];
    pthread_mutex_lock(&t->lock);
    Batch b = t->filling; t->filling = t->committing; t->committing = b;
    t->filling_no++;
    pthread_mutex_unlock(&t->lock);
    for (size_t at = 0; at < b.len;) { ssize_t n = write(file, b.bytes + at, b.len - at); if (n < 0) fail("write"); at += n; }
    written += b.len;
  }
  return written;
}

/* What is written is durable now: the I/O threads may answer. */
static void hand_back(Thread *t) {
  Notes *durable = &t->committing.notes; uint64_t one = 1;
  t->committing.len = 0;
  if (durable->len == 0) return;
  pthread_mutex_lock(&t->lock);
  t->done.items = grown(t->done.items, &t->done.cap, t->done.len + durable->len, sizeof(Note));
  memcpy(t->done.items + t->done.len, durable->items, durable->len * sizeof(Note));
  t->done.len += durable->len;
  pthread_mutex_unlock(&t->lock);
  durable->len = 0;
  if (write(t->bell, &one, 8) != 8) fail("bell");
}

static void *commit(void *unused) {
  for (;;) {
    pthread_mutex_lock(&work_lock);
    while (!work_waits) pthread_cond_wait(&work_ready, &work_lock);
    work_waits = 0;
    pthread_mutex_unlock(&work_lock);
    if (write_batches() == 0) continue;
    if (fdatasync(file)) fail("fdatasync");
    for (int i = 0; i < thread_count; i++) hand_back(&threads[i]);
  }
  return unused;
}

static void ask_for_commit(void) {
  pthread_mutex_lock(&work_lock);
  work_waits = 1;
  pthread_cond_signal(&work_ready);
  pthread_mutex_unlock(&work_lock);
}

/* ---- connections ---- */

static void answer(Connection *c, const uint8_t *bytes, size_t len) {
  if (c->open && len && send(c->fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len) fprintf(stderr, "floor: a peer does not take its answers\n");
}

static void answer_durable(Thread *t) {
  uint64_t rings; uint8_t out[4 * NOTE_FRAMES];
  if (read(t->bell, &rings, 8) != 8) return;
  pthread_mutex_lock(&t->lock);
  Notes notes = t->done; t->done = t->answering; t->answering = notes;
  pthread_mutex_unlock(&t->lock);
  for (size_t i = 0; i < notes.len; i++) {
    Note *note = &notes.items[i]; Connection *c = note->connection;
    for (int k = 0; k < note->frames; k++) { memset(out + 4 * k, 0, 3); out[4 * k + 3] = note->counts[k]; }
    answer(c, out, 4 * note->frames);
    if (--c->unanswered == 0 && !c->open) free(c);
  }
  t->answering.len = 0;
}

static void lose(Connection *c) {
  close(c->fd);
  free(c->rest);
  c->rest = 0; c->open = 0;
  if (c->unanswered == 0) free(c);
}

/* Reads once and answers, or keeps, what came whole. Returns how many frames it kept; -1 when the connection is over. */
static int serve(Thread *t, Connection *c) {
  static __thread uint8_t out[4 * READ_BYTES / OVERHEAD + 1];
  uint8_t *bytes = t->read; size_t at = 0, out_len = 0; int kept = 0;
  memcpy(bytes, c->rest, c->rest_len);
  ssize_t n = recv(c->fd, bytes + c->rest_len, READ_BYTES, 0);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n <= 0) return -1;
  size_t len = c->rest_len + n;
  if (!c->logged_in && len >= LOGIN_BYTES) { c->logged_in = 1; at = LOGIN_BYTES; out[out_len++] = 1; }
  while (c->logged_in && len - at >= OVERHEAD) {
    uint32_t size = get32(bytes + at + 4); const uint8_t *data = bytes + at + 8;
    if (get32(bytes + at) != 0 || size < 3 || size > MAX_DATA) { n = -1; break; }
    if (len - at < OVERHEAD + size) break;
    int count = crc16(data, size) == get32(data + size) ? records_of(data, size) : -1;
    if (count < 0) { n = -1; break; }
    if (file >= 0) { keep(t, c, data, size, count); kept++; }
    else { memset(out + out_len, 0, 3); out[out_len + 3] = count; out_len += 4; }
    at += OVERHEAD + size;
  }
  c->rest_len = len - at;
  c->rest = grown(c->rest, &c->rest_cap, c->rest_len, 1);
  memcpy(c->rest, bytes + at, c->rest_len);
  answer(c, out, out_len);
  return n < 0 ? -1 : kept;
}

static void take_newcomers(void) {
  static int turn; int one = 1, fd;
  while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    Connection *c = calloc(1, sizeof *c);
    if (!c) fail("calloc");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->fd = fd; c->open = 1; c->batch = UINT64_MAX;
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
    if (epoll_ctl(threads[turn++ % thread_count].epoll, EPOLL_CTL_ADD, fd, &e)) fail("epoll_ctl");
  }
}

static void *run(void *argument) {
  Thread *t = argument; struct epoll_event events[EVENTS];
  for (;;) {
    int n = epoll_wait(t->epoll, events, EVENTS, -1), kept = 0;
    for (int i = 0; i < n; i++) {
      void *of = events[i].data.ptr;
      if (of == &listener) { take_newcomers(); continue; }
      if (of == &t->bell) { answer_durable(t); continue; }
      int more = serve(t, of);
      if (more < 0) lose(of);
      else kept += more;
    }
    if (kept) ask_for_commit();
  }
  return 0;
}

/* ---- start ---- */

static void watch(int epoll, int fd, void *of) {
  struct epoll_event e = { .events = EPOLLIN, .data.ptr = of };
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) fail("epoll_ctl");
}

static int listen_on(int port) {
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t len = sizeof at; int one = 1;
  if ((listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0) fail("socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (void *)&at, sizeof at)) fail("bind");
  if (listen(listener, 4096)) fail("listen");
  if (getsockname(listener, (void *)&at, &len)) fail("getsockname");
  return ntohs(at.sin_port);
}

int main(int argc, char **argv) {
  if (argc < 3 || argc > 4 || atoi(argv[2]) < 1 || atoi(argv[2]) > MAX_THREADS) { fprintf(stderr, "usage: floor PORT THREADS [FILE]\n"); return 2; }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct rlimit files; getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
  crc_prepare();
  if (argc == 4 && (file = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644)) < 0) fail(argv[3]);
  thread_count = atoi(argv[2]);
  threads = calloc(thread_count, sizeof *threads);
  if (!threads) fail("calloc");
  int port = listen_on(atoi(argv[1]));
  for (int i = 0; i < thread_count; i++) {
    Thread *t = &threads[i];
    pthread_mutex_init(&t->lock, 0);
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    watch(t->epoll, t->bell, &t->bell);
  }
  watch(threads[0].epoll, listener, &listener);
  pthread_t id;
  if (file >= 0 && pthread_create(&id, 0, commit, 0)) fail("pthread_create");
  for (int i = 1; i < thread_count; i++) if (pthread_create(&id, 0, run, &threads[i])) fail("pthread_create");
  printf("{\"event\":\"ready\",\"port\":%d,\"threads\":%d,\"durable\":%s}\n", port, thread_count, file >= 0 ? "true" : "false");
  fflush(stdout);
  run(&threads[0]);
}
