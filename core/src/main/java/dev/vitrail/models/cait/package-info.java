/** CaiT (Touvron et al., 2021, arXiv:2103.17239). */
package dev.vitrail.models.cait;
