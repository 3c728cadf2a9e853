/* A Modbus TCP slave that is never the bottleneck: one thread, epoll, no copy that can be left out.

       slave COUNTERS UNITS DEAD

   It listens on a free port of 127.0.0.1, prints the port, and serves units 1..UNITS: registers from 0, input and
   holding the same, 20 float32 of a three-phase meter whose load wanders a little with every answer. Units beyond
   UNITS, and DEAD (0 for none), never answer. COUNTERS is a file that is mapped and counted in, so that nobody has
   to ask:

       uint64 requests, bytes in, bytes out, connections, then of each of 256 units: requests, answers
*/
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD 7
#define ASKED 12
#define VALUES 20
#define REGISTERS_MAX 125
#define WAVES 256
#define FDS_MAX 1024
#define BUFFER 4096

struct counters {
	uint64_t requests, bytes_in, bytes_out, connections, unit_requests[256], unit_answers[256];
};

static struct counters *counters;
static float wave[WAVES];
static uint8_t pending[FDS_MAX][BUFFER];
static int pending_len[FDS_MAX];
static double began_s;

static double now_s(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void put_float(uint8_t *at, float value) {
	uint32_t raw;
	memcpy(&raw, &value, 4);
	raw = htonl(raw);
	memcpy(at, &raw, 4);
}

/* The registers 0..39 of a unit now: U, I, P, Q and power factor by phase, then P, Q, S, frequency, energy. */
static void fill(uint8_t unit, uint8_t *out) {
	double load_w = 4000.0 * unit * (1.0 + wave[(counters->unit_answers[unit] * 7) % WAVES]);
	double hours = (now_s() - began_s) / 3600.0, volt[3] = {229.8, 230.6, 231.1}, each_w = load_w / 3.0;
	for (int phase = 0; phase < 3; phase++) {
		put_float(out + 4 * phase, (float)(volt[phase] + wave[(counters->unit_answers[unit] + 31 * (uint64_t)phase) % WAVES]));
		put_float(out + 4 * (3 + phase), (float)(each_w / 0.87 / volt[phase]));
		put_float(out + 4 * (6 + phase), (float)each_w);
		put_float(out + 4 * (9 + phase), (float)(each_w * 0.5667));
		put_float(out + 4 * (12 + phase), 0.87f);
	}
	put_float(out + 60, (float)load_w);
	put_float(out + 64, (float)(load_w * 0.5667));
	put_float(out + 68, (float)(load_w / 0.87));
	put_float(out + 72, (float)(50.0 + 0.1 * wave[counters->unit_answers[unit] % WAVES]));
	put_float(out + 76, (float)(4.0 * unit * hours + 1.0));
}

/* The answer to the request at `in`; its length, 0 for silence. */
static int answer(const uint8_t *in, int dead, int units, uint8_t *out) {
	uint8_t unit = in[6], function = in[7];
	int address = in[8] << 8 | in[9], count = in[10] << 8 | in[11];
	uint8_t image[2 * (2 * VALUES + REGISTERS_MAX)];
	counters->requests++;
	counters->unit_requests[unit]++;
	if (unit == dead || unit == 0 || unit > units) return 0;
	memcpy(out, in, 4);
	out[6] = unit;
	if ((function != 3 && function != 4) || count < 1 || count > REGISTERS_MAX || address + count > 2 * VALUES + 16) {
		out[4] = 0, out[5] = 3, out[7] = function | 0x80, out[8] = 2;
		return 9;
	}
	memset(image, 0, sizeof image);
	fill(unit, image);
	counters->unit_answers[unit]++;
	out[4] = 0, out[5] = (uint8_t)(3 + 2 * count), out[7] = function, out[8] = (uint8_t)(2 * count);
	memcpy(out + 9, image + 2 * address, 2 * (size_t)count);
	return 9 + 2 * count;
}

static int serve(int fd, int dead, int units) {
	uint8_t *buffer = pending[fd], out[BUFFER * 24];
	int size = 0, at = 0, got = (int)read(fd, buffer + pending_len[fd], (size_t)(BUFFER - pending_len[fd]));
	if (got <= 0) return -1;
	counters->bytes_in += (uint64_t)got;
	pending_len[fd] += got;
	while (pending_len[fd] - at >= HEAD) {
		int frame = 6 + (buffer[at + 4] << 8 | buffer[at + 5]);
		if (frame < ASKED || frame > 260) return -1;
		if (pending_len[fd] - at < frame) break;
		size += answer(buffer + at, dead, units, out + size);
		at += frame;
	}
	memmove(buffer, buffer + at, (size_t)(pending_len[fd] - at));
	pending_len[fd] -= at;
	counters->bytes_out += (uint64_t)size;
	return size == 0 || write(fd, out, (size_t)size) == size ? 0 : -1;
}

int main(int argc, char **argv) {
	if (argc != 4) return 2;
	int units = atoi(argv[2]), dead = atoi(argv[3]), yes = 1, poll = epoll_create1(0);
	int file = open(argv[1], O_RDWR | O_CREAT, 0600), listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof here;
	struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[64];
	if (file < 0 || ftruncate(file, sizeof *counters)) return 3;
	counters = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (counters == MAP_FAILED || bind(listener, (struct sockaddr *)&here, size) || listen(listener, 64)) return 3;
	getsockname(listener, (struct sockaddr *)&here, &size);
	for (int i = 0; i < WAVES; i++) wave[i] = (float)(0.02 * sin(i * 6.2831853 / WAVES) + 0.001 * ((i * 37) % 11));
	began_s = now_s();
	printf("%d\n", ntohs(here.sin_port));
	fflush(stdout);
	epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int ready = epoll_wait(poll, events, 64, -1);
		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;
			if (fd == listener) {
				fd = accept(listener, NULL, NULL);
				if (fd < 0) continue;
				if (fd >= FDS_MAX) { close(fd); continue; }
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
				pending_len[fd] = 0;
				counters->connections++;
				event.data.fd = fd;
				epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
			} else if (serve(fd, dead, units)) {
				close(fd);
			}
		}
	}
}
