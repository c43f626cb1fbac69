"""The contrastive network made of a vision-language model's towers, and how it looks at pictures and captions."""
