/** T2T-ViT (Yuan et al., 2021, arXiv:2101.11986) and its study of backbones. */
package dev.vitrail.models.t2t;
