/* SPDX-License-Identifier: MIT */
/*
 * The HTML page of a trace in a real browser: Chromium, headless, prints the page as it stands after
 * its script has run. Without a Chromium all of it is skipped. The page leaves in attributes of its
 * root what these tests ask for.
 */
#include "check.h"

#include "clock.h"
#include "trace/html/page.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DOM_MAX	   (8u << 20)
#define EVENTS	   3000
#define TIMEOUT_NS UINT64_C(60000000000)
#define ATTACK	   "</script><img src=x onerror=document.documentElement.dataset.attacked=1>"

static const char *browser;
static char directory[] = "/tmp/penumbra-html.XXXXXX";
static char dom[DOM_MAX], errors[65536];
static char *html; /* the page itself */
static size_t html_size;

static bool is_in_path(const char *name)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", name);
	return system(command) == 0;
}

static void need_browser(void)
{
	if (browser)
		return;
	print_message("skipped: no Chromium here: scripts/deps.sh browser installs one\n");
	skip();
}

static void read_file(const char *path, char *text, size_t size)
{
	FILE *in = fopen(path, "re");
	size_t n = in ? fread(text, 1, size - 1, in) : 0;

	text[n] = 0;
	if (in)
		fclose(in);
}

static void write_page(const char *text)
{
	char path[64];
	FILE *out;

	snprintf(path, sizeof(path), "%s/page.html", directory);
	out = fopen(path, "we");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

/* In the child: the browser, in a process group of its own, which the files are left open for. */
static void become_browser(const char *option, const char *fragment)
{
	char profile[64], page[128], path[64];

	snprintf(profile, sizeof(profile), "--user-data-dir=%s/profile", directory);
	snprintf(page, sizeof(page), "file://%s/page.html%s", directory, fragment);
	setsid();
	setenv("HOME", directory, 1);
	snprintf(path, sizeof(path), "%s/dom", directory);
	if (!freopen("/dev/null", "r", stdin) || !freopen(path, "w", stdout))
		_exit(1);
	snprintf(path, sizeof(path), "%s/errors", directory);
	if (!freopen(path, "w", stderr))
		_exit(1);
	execlp(browser, browser, "--headless", "--no-sandbox", "--disable-gpu",
	       "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
	       "--enable-logging=stderr", "--virtual-time-budget=4000", profile, option,
	       "--dump-dom", page, NULL);
	_exit(1);
}

/*
 * Opens the page; leaves its document in `dom` and what was logged in `errors`. The browser is ended as
 * soon as the document is whole: left alone, it now and then takes its time.
 */
static void browse(const char *option, const char *fragment)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	uint64_t end = clock_ns() + TIMEOUT_NS;
	char path[64];
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		become_browser(option, fragment);
	snprintf(path, sizeof(path), "%s/dom", directory);
	do {
		nanosleep(&pause, NULL);
		read_file(path, dom, sizeof(dom));
	} while (!strstr(dom, "</html>") && clock_ns() < end && waitpid(pid, NULL, WNOHANG) == 0);
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	read_file(path, dom, sizeof(dom));
	snprintf(path, sizeof(path), "%s/errors", directory);
	read_file(path, errors, sizeof(errors));
}

/* The value of an attribute of the document's root; "" if it has none. */
static const char *root_data(const char *name)
{
	static char value[128];
	char attribute[48];
	const char *at = strstr(dom, "<html"), *end = at ? strchr(at, '>') : NULL;

	value[0] = 0;
	snprintf(attribute, sizeof(attribute), " data-%s=\"", name);
	at = at ? strstr(at, attribute) : NULL;
	if (at && at < end)
		sscanf(at + strlen(attribute), "%127[^\"]", value);
	return value;
}

static void expect_drawn(void)
{
	/* What a script or the policy complains of is logged. */
	const char *complaint = strstr(errors, "CONSOLE");

	if (complaint)
		fail_msg("%.500s", complaint);
	if (strcmp(root_data("ready"), "yes") != 0)
		fail_msg("not drawn: %.200s %.2000s", dom, errors);
	assert_string_equal(root_data("error"), "");
	assert_string_equal(root_data("violation"), "");
}

/* --- The page: a trace of every kind of event, with symbols that are an attack --- */

static struct pn_trace_record record(unsigned i)
{
	struct pn_trace_record r = {
		.type = (uint8_t)(1 + i % (PN_TRACE_TYPES - 1)),
		.time = (i + 1) * 10000,
		.cost = i * 7919 % EVENTS,
		.number = i,
		.rip = 0x1000 + i % 4096,
		.address = (uint64_t)(i % 97) << 12,
		.value = {i / 1000, i},
		.kind = (uint8_t)(i % 3),
		.mode = i > EVENTS / 2,
		.cpl = 3,
	};

	if (r.type == PN_TRACE_FLUSH)
		r.kind = PN_FLUSH_PAGE;
	return r;
}

static int make_page(void **state)
{
	static struct trace_page page;
	struct pn_trace_header header = {.host = "</title></script><img src=x>", .guest = ATTACK};
	struct symbols symbols = {0};
	FILE *out = open_memstream(&html, &html_size);

	(void)state;
	snprintf(header.cmdline, sizeof(header.cmdline), "<!-- %s", ATTACK);
	assert_non_null(mkdtemp(directory));
	assert_int_equal(symbols_add(&symbols, 0x1000, 2048, ATTACK), PN_OK);
	assert_int_equal(symbols_add(&symbols, 0x1800, 2048, "<b onclick=1>'\"&amp;"), PN_OK);
	assert_int_equal(trace_page_init(&page, &header, &symbols, EVENTS * 10000), PN_OK);
	for (unsigned i = 0; i < EVENTS; i++) {
		struct pn_trace_record r = record(i);

		trace_page_add(&page, &r);
	}
	trace_page_write(&page, out);
	fclose(out);
	trace_page_fini(&page);
	symbols_free(&symbols);
	write_page(html);
	return 0;
}

static int remove_page(void **state)
{
	char command[64];

	(void)state;
	free(html);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static void a_page_draws_all_of_its_trace_as_text(void **state)
{
	(void)state;
	need_browser();
	browse("--window-size=1280,900", "");
	expect_drawn();
	assert_int_equal(atoi(root_data("events")), EVENTS);
	/* 97 pages, and as many of the guest-physical space. */
	assert_int_equal(atoi(root_data("rows")), 2 * 97);
	assert_true(atoi(root_data("cells")) > 1000);
	/* All kinds but those foreseen, which are off at first. */
	assert_true(atoi(root_data("drawn")) > atoi(root_data("cells")) * 3 / 4);
	assert_true(atoi(root_data("drawn")) < atoi(root_data("cells")));
	CHECK_CONTAINS("readout", dom, "Point at the map");
	CHECK_CONTAINS("scale", dom, "A cell is ");
	/* A symbol is text, and never markup. */
	assert_string_equal(root_data("attacked"), "");
	assert_null(strstr(dom, "<img"));
	CHECK_CONTAINS("head", dom, "&lt;/script&gt;&lt;img src=x");
}

static void light_and_dark_follow_the_system_and_the_button(void **state)
{
	static const struct {
		const char *options, *fragment, *want;
	} cases[] = {
		{"--blink-settings=preferredColorScheme=1", "", "light"},
		{"--blink-settings=preferredColorScheme=0", "", "dark"},
		{"--blink-settings=preferredColorScheme=1", "#theme=dark", "dark"},
		{"--blink-settings=preferredColorScheme=0", "#theme=light", "light"},
	};

	(void)state;
	need_browser();
	for (size_t i = 0; i < COUNT(cases); i++) {
		browse(cases[i].options, cases[i].fragment);
		expect_drawn();
		assert_string_equal(root_data("theme"), cases[i].want);
	}
}

/* The text of the first button in the first row of the most costly events: its time. */
static double first_time(void)
{
	const char *at = strstr(dom, "<table id=\"events\"");
	double time = -1;

	at = at ? strstr(at, "<tbody>") : NULL;
	at = at ? strstr(at, "<button") : NULL;
	at = at ? strchr(at, '>') : NULL;
	if (at)
		sscanf(at + 1, "%lf", &time);
	return time;
}

static void tables_sort_by_what_is_asked_for(void **state)
{
	unsigned costliest = 0, earliest = EVENTS;

	(void)state;
	need_browser();
	for (unsigned i = 0; i < EVENTS; i++) {
		if (record(i).cost == EVENTS - 1)
			costliest = i;
		if (record(i).cost >= EVENTS - PAGE_EVENTS && i < earliest)
			earliest = i;
	}
	browse("--incognito", "#sort=cost");
	expect_drawn();
	assert_string_equal(root_data("sort"), "cost");
	assert_int_equal(first_time() * 1e6 + 0.5, record(costliest).time);
	browse("--incognito", "#sort=time&up=1");
	expect_drawn();
	assert_string_equal(root_data("sort"), "time");
	assert_int_equal(first_time() * 1e6 + 0.5, record(earliest).time);
	CHECK_CONTAINS("for a reader of screens", dom, "aria-sort=\"ascending\"");
}

static void nothing_scrolls_sideways_on_a_narrow_screen(void **state)
{
	static const char *const sizes[] = {"--window-size=1280,900", "--window-size=800,900",
					    "--window-size=520,900"};

	(void)state;
	need_browser();
	for (size_t i = 0; i < COUNT(sizes); i++) {
		browse(sizes[i], "");
		expect_drawn();
		if (strcmp(root_data("wide"), "no") != 0)
			fail_msg("%s: wider than its window", sizes[i]);
	}
}

static void a_part_of_the_run_has_fewer_cells(void **state)
{
	int whole;

	(void)state;
	need_browser();
	browse("--incognito", "");
	whole = atoi(root_data("drawn"));
	browse("--incognito", "#from=1000000&to=4000000&hide=");
	expect_drawn();
	assert_true(atoi(root_data("drawn")) > 0);
	assert_true(atoi(root_data("drawn")) < whole / 3);
}

/* --- The network: somebody listens, and nobody calls --- */

static int listen_somewhere(unsigned *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static unsigned calls(int fd)
{
	unsigned n = 0;

	for (int c; (c = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; n++)
		close(c);
	return n;
}

/*
 * Whoever got markup into the page all the same would get nothing out of it: its policy lets nothing be
 * loaded. The same page without the policy calls: the listener hears what there is to hear.
 */
static void the_policy_keeps_the_page_off_the_network(void **state)
{
	static const char policy[] = "<meta http-equiv=\"Content-Security-Policy\"";
	char inject[256], *worse, *at;
	unsigned port;
	int fd = listen_somewhere(&port);

	(void)state;
	need_browser();
	snprintf(inject, sizeof(inject),
		 "<img src=\"http://127.0.0.1:%u/i\"><script "
		 "src=\"http://127.0.0.1:%u/s\"></script>",
		 port, port);
	worse = malloc(html_size + sizeof(inject));
	assert_non_null(worse);
	at = strstr(html, "<main>");
	assert_non_null(at);
	sprintf(worse, "%.*s%s%s", (int)(at - html), html, inject, at);
	write_page(worse);
	browse("--incognito", "");
	assert_string_equal(root_data("ready"), "yes");
	assert_int_equal(calls(fd), 0);
	at = strstr(worse, policy);
	assert_non_null(at);
	/* It becomes an element of no meaning. */
	memcpy(at, "<data", 5);
	write_page(worse);
	browse("--incognito", "");
	assert_true(calls(fd) > 0);
	free(worse);
	close(fd);
	write_page(html);
}

int main(void)
{
	static const char *const browsers[] = {"chromium", "google-chrome", "chromium-browser"};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_draws_all_of_its_trace_as_text),
		cmocka_unit_test(light_and_dark_follow_the_system_and_the_button),
		cmocka_unit_test(tables_sort_by_what_is_asked_for),
		cmocka_unit_test(nothing_scrolls_sideways_on_a_narrow_screen),
		cmocka_unit_test(a_part_of_the_run_has_fewer_cells),
		cmocka_unit_test(the_policy_keeps_the_page_off_the_network),
	};

	for (size_t i = 0; i < COUNT(browsers) && !browser; i++)
		if (is_in_path(browsers[i]))
			browser = browsers[i];
	return cmocka_run_group_tests_name("html", tests, make_page, remove_page);
}
