/** BEiT (Bao et al., 2022, arXiv:2106.08254). */
package dev.vitrail.models.beit;
