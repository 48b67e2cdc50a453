/* SPDX-License-Identifier: MIT */
/* The findings of penumbra doctor: collected in order, printed as text or JSON. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What a finding means for Penumbra. */
enum verdict {
	VERDICT_OK,	 /* as one would wish */
	VERDICT_LACKS,	 /* something that can be used is missing, or disagrees */
	VERDICT_UNKNOWN, /* the question stayed open: a probe failed */
};

#define FINDING_COMMANDS 2

struct finding {
	const char *section; /* heading in the text */
	char id[40];	     /* stable: docs/doctor.md lists them */
	char what[32];	     /* at most 21 columns */
	char found[320];     /* what is the case */
	enum verdict verdict;
	char meaning[320];		     /* what it means for the user */
	char command[FINDING_COMMANDS][128]; /* shell commands that mend it; "" for none */
};

/* More than there are rows in doctor's tables. */
#define FINDINGS_MAX 80

struct findings {
	size_t count;
	struct finding list[FINDINGS_MAX];
	const char *section; /* of the findings to come */
	bool usable;	     /* guests can run here */
	const char *module;  /* kvm_vendor_module() */
	const char *paging;  /* pn_paging_name() */
};

/* Appends a finding without commands; returns it. The texts are copied. */
struct finding *findings_add(struct findings *f, const char *id, const char *what,
			     enum verdict verdict, const char *found, const char *meaning);

/* Adds a command to a finding; at most FINDING_COMMANDS. */
void finding_command(struct finding *n, const char *command);

/* KVM: the device, the second dimension, what vCPUs do, capabilities. Sets `usable`. */
void doctor_look_at_kvm(struct findings *f);

/* The host's kernel beside KVM. */
void doctor_look_at_kernel(struct findings *f);

/* The sources that a trace can have here. */
void doctor_look_at_sources(struct findings *f);

/* What the sandbox can be made of here. */
void doctor_look_at_sandbox(struct findings *f);

/* Prints all, in lines of at most 80 columns. */
void doctor_print(const struct findings *f, FILE *out);

/* Prints all as one JSON object. Returns 0, or -1 with errno. */
int doctor_print_json(const struct findings *f, FILE *out);

#endif
