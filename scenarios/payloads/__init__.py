"""What users run through client, proxy and server: kernels, applications, files, messages."""
