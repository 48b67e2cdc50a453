/* SPDX-License-Identifier: MIT */
/* The template of the HTML page, as cmake/page.cmake has put it together. */
	.section .rodata, "a", @progbits
	.globl	page_template, page_template_end
	.hidden	page_template, page_template_end
page_template:
	.incbin	"page_template.html"
page_template_end:
	.section .note.GNU-stack, "", @progbits
