/** DeiT and DeiT-III (Touvron et al., 2021, arXiv:2012.12877; 2022, arXiv:2204.07118). */
package dev.vitrail.models.deit;
